using System.Threading.Tasks.Sources;
using Auctions.Grpc;
using Auctions.V1;
using Google.Protobuf;
using Grpc.Core;

namespace StreamGateway;

/// <summary>
/// One stream. When it can take a write, it gets what is published at that moment: as a delta if the delta starts
/// from the version that was written last, otherwise as a snapshot.
/// <para>Concurrency: the call's own task loads and writes. <see cref="Wake"/> and the heartbeat's timer come from
/// other threads; they only set a signal.</para>
/// <para>Lifecycle: joins its auctions, loads them, leaves those that cannot be shown, and writes until all have ended,
/// the client has gone, or the gateway drains; then it leaves them.</para>
/// <para>Invariants: for each auction the written versions only rise, and the last frame is its final state
/// (I7).</para>
/// <para>Bounds: no queue. One version number per auction, so that what a slow viewer skips costs nothing; at most
/// <see cref="WatchSubscription.TargetsMax"/> auctions.</para>
/// </summary>
internal sealed class Viewer(
    AuctionFanout fanout, StreamLimiter limiter, WatchSubscription subscription, TimeProvider timeProvider)
{
    private readonly AsyncSignal _signal = new();
    private readonly WatchFrame _frame = new();
    private readonly List<Target> _targets = new(subscription.Targets.Count);
    private int _heartbeatDue;

    /// <summary>There is something to write, or the stream must end.</summary>
    public void Wake() => _signal.Set();

    /// <summary>Runs until every target has ended, or the call is cancelled.</summary>
    /// <param name="sendHeaders">Called when the targets are known to exist.</param>
    /// <exception cref="RpcException">Before the first frame, if no target can be shown: the error of the first one.
    /// UNAVAILABLE when the gateway drains.</exception>
    /// <exception cref="Auctions.Ledger.LedgerUnavailableException">Before the first frame.</exception>
    public async Task RunAsync(
        IServerStreamWriter<WatchFrame> frames, Func<Task> sendHeaders, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var (auctionId, resumeVersion) in subscription.Targets)
                _targets.Add(new Target(fanout.Join(auctionId, this), resumeVersion));
            await Task.WhenAll(_targets.Select(LoadAsync)).WaitAsync(cancellationToken);
            ThrowIfAllFailed();
            await sendHeaders();
            await WriteFailuresAsync(frames, cancellationToken);
            await WriteAsync(frames, cancellationToken);
        }
        finally
        {
            foreach (var target in _targets) fanout.Leave(target.Auction, this);
        }
    }

    private async Task LoadAsync(Target target)
    {
        try
        {
            if (!await fanout.EnsureLoadedAsync(target.Auction)) throw RpcErrors.AuctionNotFound(target.Auction.Id);

            // The viewer has seen a later version at a gateway that got the event earlier.
            // If this is true, Postgres has it.
            if (target.ResumeVersion > target.Auction.Published!.Version) await fanout.RefreshAsync(target.Auction);
        }
        catch (FormatException)
        {
            target.Failure = RpcErrors.AuctionUnreadable(target.Auction.Id);
        }
        catch (RpcException notFound)
        {
            target.Failure = notFound;
        }
    }

    private void ThrowIfAllFailed()
    {
        if (_targets.TrueForAll(target => target.Failure is not null)) throw _targets[0].Failure!;
    }

    /// <summary>Tells which targets cannot be shown, and leaves them: the stream goes on with the others.</summary>
    private async Task WriteFailuresAsync(IServerStreamWriter<WatchFrame> frames, CancellationToken cancellationToken)
    {
        foreach (var target in _targets.FindAll(target => target.Failure is not null))
        {
            fanout.Leave(target.Auction, this);
            _targets.Remove(target);
            var failed = new WatchResponse
            {
                AuctionId = target.Auction.Id.ToString(),
                Error = RpcErrors.CallErrorOf(target.Failure!),
            };
            _frame.Fill(failed.ToByteArray(), timeProvider.GetUtcNow());
            await frames.WriteAsync(_frame, cancellationToken);
        }
    }

    private async Task WriteAsync(IServerStreamWriter<WatchFrame> frames, CancellationToken cancellationToken)
    {
        await using var cancelled = cancellationToken.Register(Wake);
        await using var draining = limiter.Draining.Register(Wake);
        await using var heartbeat = timeProvider.CreateTimer(
            static viewer => ((Viewer)viewer!).OnHeartbeat(), this,
            subscription.HeartbeatInterval, subscription.HeartbeatInterval);
        while (!cancellationToken.IsCancellationRequested)
        {
            limiter.ThrowIfDraining();
            var open = 0;
            foreach (var target in _targets)
            {
                await WriteAsync(target, frames, cancellationToken);
                if (!target.HasEnded) open++;
            }

            if (open == 0) return;
            if (Interlocked.Exchange(ref _heartbeatDue, 0) == 1)
            {
                _frame.FillHeartbeat(_targets[0].Auction.ViewerCount, timeProvider.GetUtcNow());
                await frames.WriteAsync(_frame, cancellationToken);
            }

            await _signal.WaitAsync();
        }
    }

    /// <summary>Writes what is published of one target, if the viewer has not seen it.</summary>
    private async ValueTask WriteAsync(
        Target target, IServerStreamWriter<WatchFrame> frames, CancellationToken cancellationToken)
    {
        if (target.HasEnded) return;
        var published = target.Auction.Published!;
        if (target.SeenVersion is not { } seen)
        {
            seen = published.Version;
            if (target.ResumeVersion != seen)
            {
                _frame.Fill(published.Snapshot, timeProvider.GetUtcNow());
                await frames.WriteAsync(_frame, cancellationToken);
            }
        }

        // The end is written even to a viewer that knows the last version: the stream ends with it.
        target.HasEnded = published.Auction.IsOver;
        if (target.HasEnded || published.Version > seen)
        {
            _frame.Fill(published.FrameAfter(seen), timeProvider.GetUtcNow());
            await frames.WriteAsync(_frame, cancellationToken);
        }

        target.SeenVersion = published.Version;
    }

    private void OnHeartbeat()
    {
        Volatile.Write(ref _heartbeatDue, 1);
        Wake();
    }

    private sealed class Target(WatchedAuction auction, long? resumeVersion)
    {
        public WatchedAuction Auction => auction;

        /// <summary>Why the auction cannot be shown; null if it can.</summary>
        public RpcException? Failure { get; set; }

        /// <summary>The version that the viewer says it has seen; null for none.</summary>
        public long? ResumeVersion => resumeVersion;

        /// <summary>The version that the viewer has now; null before the first pass.</summary>
        public long? SeenVersion { get; set; }

        /// <summary>The final state is written.</summary>
        public bool HasEnded { get; set; }
    }
}

/// <summary>
/// Wakes one waiter, from any thread. A set while nobody waits is kept, but only once: a waiter that was busy looks
/// at everything after its next wait and needs no queue. A wait allocates nothing.
/// </summary>
/// <remarks>
/// A set may be absorbed by an earlier one that the waiter has not consumed yet. So write the data first, then set;
/// and look at all data after each wait.
/// </remarks>
internal sealed class AsyncSignal : IValueTaskSource
{
    private const int Idle = 0;
    private const int Waiting = 1;
    private const int Signalled = 2;

    private ManualResetValueTaskSourceCore<bool> _core = new() { RunContinuationsAsynchronously = true };
    private int _state;

    public void Set()
    {
        if (Interlocked.Exchange(ref _state, Signalled) == Waiting) _core.SetResult(true);
    }

    /// <summary>
    /// Completes with the next <see cref="Set"/>, or at once if one came after the last wait. One waiter at a time.
    /// </summary>
    public ValueTask WaitAsync()
    {
        _core.Reset(); // No thread is in SetResult: this needs the state Waiting.
        if (Interlocked.CompareExchange(ref _state, Waiting, Idle) == Idle) return new ValueTask(this, _core.Version);
        Interlocked.Exchange(ref _state, Idle);
        return ValueTask.CompletedTask;
    }

    void IValueTaskSource.GetResult(short token)
    {
        _core.GetResult(token);
        Interlocked.Exchange(ref _state, Idle);
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
