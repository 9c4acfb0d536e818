using Auctions.Grpc;
using Auctions.Hosting;
using Grpc.Core;

namespace StreamGateway;

/// <summary>
/// One stream. It holds no queue: of each target it remembers the version it has written last, and when it can write it writes
/// what is published then, as a delta where that starts from this version, else whole. So what a slow one skips costs nothing.
/// </summary>
internal sealed class Viewer(AuctionFanout fanout, StreamLimiter places, WatchSubscription wish, TimeProvider timeProvider)
{
    private readonly AsyncSignal _wakeUp = new();
    private readonly WatchFrame _frame = new();
    private readonly List<Target> _targets = new(wish.Targets.Count);
    private int _heartbeatDue;

    /// <summary>Something is to be written, or the stream is to end.</summary>
    public void Wake() => _wakeUp.Set();

    /// <summary>Writes until every target has ended, or the viewer has gone.</summary>
    /// <param name="begin">Called once the stream is certain to begin.</param>
    /// <exception cref="RpcException">NOT_FOUND before the first frame; UNAVAILABLE when the gateway drains.</exception>
    public async Task RunAsync(IServerStreamWriter<WatchFrame> frames, Func<Task> begin, CancellationToken gone)
    {
        try
        {
            foreach (var wished in wish.Targets) _targets.Add(new Target(fanout.Join(wished.AuctionId, this), wished.Version));
            await Task.WhenAll(_targets.Select(ReadAsync)).WaitAsync(gone);
            await begin();
            await WriteAsync(frames, gone);
        }
        finally
        {
            foreach (var target in _targets) fanout.Leave(target.Auction, this);
        }
    }

    private async Task ReadAsync(Target target)
    {
        if (!await fanout.EnsureReadAsync(target.Auction)) throw RpcErrors.AuctionNotFound(target.Auction.Id);

        // The viewer knows more than we do: it has seen it elsewhere, ahead of our feed. The ledger has it, if it is true.
        if (target.Asked > target.Auction.Published!.Version) await fanout.RefreshAsync(target.Auction);
    }

    private async Task WriteAsync(IServerStreamWriter<WatchFrame> frames, CancellationToken gone)
    {
        await using var cancelled = gone.Register(Wake);
        await using var draining = places.Draining.Register(Wake);
        await using var heartbeat = timeProvider.CreateTimer(
            static viewer => ((Viewer)viewer!).OnHeartbeat(), this, wish.HeartbeatInterval, wish.HeartbeatInterval);
        while (!gone.IsCancellationRequested)
        {
            places.ThrowIfDraining();
            var open = 0;
            foreach (var target in _targets)
            {
                await WriteAsync(target, frames, gone);
                if (!target.Over) open++;
            }

            if (open == 0) return;
            if (Interlocked.Exchange(ref _heartbeatDue, 0) == 1)
                await frames.WriteAsync(_frame.Heartbeat(_targets[0].Auction.ViewerCount, timeProvider.GetUtcNow()), gone);
            await _wakeUp.WaitAsync();
        }
    }

    /// <summary>Brings the viewer up to what is published of one target.</summary>
    private async ValueTask WriteAsync(Target target, IServerStreamWriter<WatchFrame> frames, CancellationToken gone)
    {
        if (target.Over) return;
        var published = target.Auction.Published!;
        if (target.Seen is not { } seen)
        {
            seen = published.Version;
            if (target.Asked != seen) await frames.WriteAsync(_frame.Of(published.Snapshot, timeProvider.GetUtcNow()), gone);
        }

        // An auction that is over is told as such even to those who know its last version: the stream ends with it.
        target.Over = published.Auction.IsOver;
        if (target.Over || published.Version > seen)
            await frames.WriteAsync(_frame.Of(published.After(seen), timeProvider.GetUtcNow()), gone);
        target.Seen = published.Version;
    }

    private void OnHeartbeat()
    {
        Volatile.Write(ref _heartbeatDue, 1);
        Wake();
    }

    private sealed class Target(WatchedAuction auction, long? asked)
    {
        public WatchedAuction Auction => auction;

        /// <summary>What the viewer says it has seen; null for nothing.</summary>
        public long? Asked => asked;

        /// <summary>What this stream has shown; null before the first look.</summary>
        public long? Seen { get; set; }

        /// <summary>The final state was shown.</summary>
        public bool Over { get; set; }
    }
}
