using Auctions.V1;

namespace Auctions.Ctl.Replay;

/// <summary>
/// What a viewer makes of the frames of one auction, and everything in them that breaks promise I7. Pure: the frames come
/// in by <see cref="Observe"/>.
/// </summary>
public sealed class FrameLog
{
    private readonly List<AuctionState> _states = [];
    private readonly List<string> _faults = [];

    /// <summary>The last version seen; null before the first frame.</summary>
    public long? Version { get; private set; }

    /// <summary>Each state that the viewer has shown, in the order shown.</summary>
    public IReadOnlyList<AuctionState> States => _states;

    public IReadOnlyList<string> Faults => _faults;

    /// <summary>The final frame; null before it came.</summary>
    public AuctionEnded? Ended { get; private set; }

    /// <summary>By the gateway's clock, how long after the effective end the final frame was written; null before it came.</summary>
    public TimeSpan? EndedAfter { get; private set; }

    public void Observe(WatchResponse frame)
    {
        if (frame.FrameCase == WatchResponse.FrameOneofCase.Heartbeat) return;
        if (Ended is not null) Fault($"a frame of version {frame.Version} after the final one");
        if (frame.Version < Version) Fault($"the version went back from {Version} to {frame.Version}");
        if (StateOf(frame) is not { } state) return;
        if (state.Version != frame.Version) Fault($"a frame of version {frame.Version} holds the state of version {state.Version}");
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
                // From an older version than the viewer's is no harm: a delta's fields are absolute.
                if (frame.Delta.FromVersion > Version) Fault($"a gap: a delta from version {frame.Delta.FromVersion} on top of version {Version}");
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
