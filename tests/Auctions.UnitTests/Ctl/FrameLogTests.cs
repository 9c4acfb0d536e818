using Auctions.Ctl.Replay;
using Google.Protobuf.WellKnownTypes;

namespace Auctions.UnitTests.Ctl;

public class FrameLogTests
{
    private static readonly Timestamp End = Timestamp.FromDateTimeOffset(DateTimeOffset.UnixEpoch.AddDays(1));
    private readonly FrameLog _log = new();

    [Fact]
    public void Deltas_are_applied_to_the_snapshot()
    {
        _log.Observe(Snapshot(1, 100, "ann"));
        _log.Observe(Delta(1, 3, new V1.AuctionDelta { CurrentPrice = Usd(250), BidCount = 3 }));

        Assert.Empty(_log.Faults);
        var state = _log.States[^1];
        Assert.Equal((3, Usd(250), "ann", 3), (state.Version, state.CurrentPrice, state.LeaderId, state.BidCount));
        Assert.Equal(3, _log.Version);
    }

    [Fact]
    public void Heartbeats_show_nothing()
    {
        _log.Observe(new V1.WatchResponse { Heartbeat = new V1.Heartbeat { ViewerCount = 3 } });

        Assert.Empty(_log.States);
        Assert.Null(_log.Version);
    }

    [Fact]
    public void The_lateness_of_the_final_frame_is_measured_from_the_end()
    {
        _log.Observe(Ended(5, 300, lateMs: 120));

        Assert.Equal(TimeSpan.FromMilliseconds(120), _log.EndedAfter);
        Assert.Equal("ann", _log.Ended!.WinnerId);
        Assert.Empty(_log.Faults);
    }

    [Fact]
    public void A_version_that_goes_back_is_a_fault()
    {
        _log.Observe(Snapshot(4, 100, "ann"));
        _log.Observe(Snapshot(3, 100, "ann"));

        Assert.Contains("went back from 4 to 3", Assert.Single(_log.Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void A_price_that_falls_is_a_fault()
    {
        _log.Observe(Snapshot(4, 150, "ann"));
        _log.Observe(Snapshot(5, 100, "ann"));

        Assert.Contains("price fell from 1.50 to 1.00", Assert.Single(_log.Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void A_delta_from_a_version_that_the_viewer_has_not_seen_is_a_gap()
    {
        _log.Observe(Snapshot(1, 100, "ann"));
        _log.Observe(Delta(2, 3, new V1.AuctionDelta()));

        Assert.Contains("a gap", Assert.Single(_log.Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void A_delta_before_any_snapshot_is_a_fault()
    {
        _log.Observe(Delta(0, 1, new V1.AuctionDelta()));

        Assert.Contains("before any snapshot", Assert.Single(_log.Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void A_frame_after_the_final_one_is_a_fault()
    {
        _log.Observe(Ended(5, 300, lateMs: 0));
        _log.Observe(Snapshot(6, 300, "ann"));

        Assert.Contains("after the final one", Assert.Single(_log.Faults), StringComparison.Ordinal);
    }

    [Fact]
    public void A_frame_whose_state_has_another_version_is_a_fault()
    {
        var frame = Snapshot(5, 300, "ann");
        frame.Version = 6;
        _log.Observe(frame);

        Assert.Contains("holds the state of version 5", Assert.Single(_log.Faults), StringComparison.Ordinal);
    }

    internal static V1.Money Usd(long cents) =>
        new() { CurrencyCode = "USD", Units = cents / 100, Nanos = (int)(cents % 100) * 10_000_000 };

    private static V1.AuctionState State(
        long version, long cents, string leader, V1.AuctionStatus status = V1.AuctionStatus.Active) =>
        new()
        {
            Version = version,
            Status = status,
            CurrentPrice = Usd(cents),
            LeaderId = leader,
            BidCount = 1,
            EndTime = End,
        };

    private static V1.WatchResponse Snapshot(long version, long cents, string leader) =>
        new() { Version = version, Snapshot = State(version, cents, leader) };

    private static V1.WatchResponse Delta(long from, long version, V1.AuctionDelta delta)
    {
        delta.FromVersion = from;
        return new V1.WatchResponse { Version = version, Delta = delta };
    }

    private static V1.WatchResponse Ended(long version, long cents, int lateMs) => new()
    {
        Version = version,
        ServerTime = (End.ToDateTimeOffset() + TimeSpan.FromMilliseconds(lateMs)).ToTimestamp(),
        Ended = new V1.AuctionEnded
        {
            Final = State(version, cents, "ann", V1.AuctionStatus.Ended),
            WinnerId = "ann",
            EndReason = V1.EndReason.Time,
        },
    };
}
