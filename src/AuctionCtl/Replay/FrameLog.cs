using Auctions.Grpc;
using Auctions.V1;
using Grpc.Core;

namespace Auctions.Ctl.Replay;

/// <summary>
/// Builds a viewer's state from the frames of one auction, and collects each violation of invariant I7. Pure.
/// </summary>
public sealed class FrameLog
{
    private readonly List<AuctionState> _states = [];
    private readonly List<string> _faults = [];

    /// <summary>The last version; null before the first frame.</summary>
    public long? Version { get; private set; }

    /// <summary>Each state that the viewer has shown, in order.</summary>
    public IReadOnlyList<AuctionState> States => _states;

    /// <summary>Violations of I7.</summary>
    public IReadOnlyList<string> Faults => _faults;

    /// <summary>The final frame; null before it arrives.</summary>
    public AuctionEnded? Ended { get; private set; }

    /// <summary>By the gateway's clock, from the effective end to the final frame; null before it arrives.</summary>
    public TimeSpan? EndedAfter { get; private set; }

    public void Observe(WatchResponse frame)
    {
        if (frame.FrameCase == WatchResponse.FrameOneofCase.Heartbeat) return;
        if (Ended is not null) Fault($"a frame of version {frame.Version} after the final one");
        if (frame.Version < Version) Fault($"the version went back from {Version} to {frame.Version}");
        if (StateOf(frame) is not { } state) return;
        if (state.Version != frame.Version)
            Fault($"a frame of version {frame.Version} holds the state of version {state.Version}");
        if (_states is [.., { CurrentPrice: { } before }] && Compare(state.CurrentPrice, before) < 0)
            Fault($"the price fell from {Text(before)} to {Text(state.CurrentPrice)} at version {frame.Version}");
        Version = frame.Version;
        _states.Add(state);
    }

    private AuctionState? StateOf(WatchResponse frame)
    {
        switch (frame.FrameCase)
        {
            case WatchResponse.FrameOneofCase.Snapshot:
                return frame.Snapshot;
            case WatchResponse.FrameOneofCase.Delta when _states is [.., var last]:
                // A delta from an older version than the viewer's is correct: a delta's fields are absolute.
                if (frame.Delta.FromVersion > Version)
                    Fault($"a gap: a delta from version {frame.Delta.FromVersion} on top of version {Version}");
                return Apply(last, frame);
            case WatchResponse.FrameOneofCase.Delta:
                Fault($"a delta to version {frame.Version} before any snapshot");
                return null;
            case WatchResponse.FrameOneofCase.Ended:
                Ended = frame.Ended;
                EndedAfter = frame.ServerTime.ToDateTimeOffset() - frame.Ended.Final.EndTime.ToDateTimeOffset();
                return frame.Ended.Final;
            default:
                Fault($"a frame of version {frame.Version} that is empty or of an unknown kind");
                return null;
        }
    }

    private static AuctionState Apply(AuctionState before, WatchResponse frame)
    {
        var (state, delta) = (before.Clone(), frame.Delta);
        state.Version = frame.Version;
        if (delta.CurrentPrice is { } price) state.CurrentPrice = price;
        if (delta.HasLeaderId) state.LeaderId = delta.LeaderId;
        if (delta.MinimumBid is { } minimum) state.MinimumBid = minimum;
        if (delta.HasBidCount) state.BidCount = delta.BidCount;
        if (delta.EndTime is { } end) state.EndTime = end;
        if (delta.HasExtensionsUsed) state.ExtensionsUsed = delta.ExtensionsUsed;
        if (delta.HasReserveMet) state.ReserveMet = delta.ReserveMet;
        return state;
    }

    private void Fault(string fault) => _faults.Add(fault);

    private static int Compare(Money? left, Money right) =>
        left is null ? -1 : (left.Units, left.Nanos).CompareTo((right.Units, right.Nanos));

    private static string Text(Money? money) =>
        money is null ? "none" : FormattableString.Invariant($"{money.Units + money.Nanos / 1_000_000_000m:0.00##}");
}

/// <summary>
/// Watches one auction to its end, and resumes at its last version when the gateway was away.
/// <para>Concurrency: one stream at a time.</para>
/// <para>Lifecycle: ends when the gateway ends the stream, or when cancelled.</para>
/// <para>Invariants: the log gets every frame, in the order of arrival.</para>
/// <para>Bounds: 100 ms between two streams; unlimited attempts.</para>
/// </summary>
public sealed class Viewer(ReplayClients clients, TimeProvider timeProvider)
{
    /// <summary>The subject of viewers' tokens.</summary>
    public const string Subject = "replay/viewer";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public async Task WatchAsync(string auctionId, FrameLog log, CancellationToken cancellationToken)
    {
        while (log.Ended is null)
        {
            try
            {
                await ReadStreamAsync(auctionId, log, cancellationToken);
                return;
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.ResourceExhausted)
            {
                await Task.Delay(Pause, timeProvider, cancellationToken);
            }
        }
    }

    private async Task ReadStreamAsync(string auctionId, FrameLog log, CancellationToken cancellationToken)
    {
        var target = new WatchTarget { AuctionId = auctionId };
        if (log.Version is { } version) target.Version = version;
        using var call = clients.Stream.Watch(
            new WatchRequest { Targets = { target } }, clients.Options(Subject, Roles.Viewer, cancellationToken));
        while (await call.ResponseStream.MoveNext(cancellationToken)) log.Observe(call.ResponseStream.Current);
    }
}
