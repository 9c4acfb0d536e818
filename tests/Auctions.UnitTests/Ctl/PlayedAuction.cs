using Auctions.Ctl.Replay;
using Google.Protobuf.WellKnownTypes;

namespace Auctions.UnitTests.Ctl;

/// <summary>What a replay sees of services without a fault. Tests break it in one place.</summary>
internal static class PlayedAuction
{
    public static RecordedAuction Recorded(long? closing = 1550, long reserve = 0) => new("7", "Clock", 500, reserve, closing,
        [new(2, "ann", 1000), new(3, "bob", 600), new(4, "bob", 1500), new(5, "eve", 2000), new(6, "ann", 1200)]);

    public static AuctionRun Run(RecordedAuction recorded)
    {
        var answers = new List<Answer>();
        var frames = new FrameLog();
        var listed = new List<V1.Bid>();
        var version = 0;
        foreach (var (bid, decision) in recorded.Bids.Zip(ReplayVerdict.Of(recorded).Decisions))
        {
            var accepted = decision.Outcome != BidOutcome.Rejected;
            if (accepted) version++;
            var response = new V1.BidResult
            {
                Outcome = (V1.BidOutcome)((int)decision.Outcome + 1),
                RejectionReason = accepted ? V1.RejectionReason.Unspecified : V1.RejectionReason.TooLow,
                BidId = accepted ? $"bid-{version}" : "",
                State = State(version, decision.After, V1.AuctionStatus.Active),
            };
            answers.Add(new Answer(bid, new Guid(bid.Line, 0, 0, new byte[8]), response, LatencyMs: bid.Line));
            if (!accepted) continue;
            frames.Observe(new V1.WatchResponse { Version = version, Snapshot = response.State.Clone() });
            listed.Insert(0, new V1.Bid
            {
                BidId = response.BidId,
                Version = version,
                BidderId = bid.Bidder,
                PriceAfter = response.State.CurrentPrice.Clone(),
                LeaderAfter = response.State.LeaderId,
            });
        }

        var reckoning = ReplayVerdict.Of(recorded);
        var final = new V1.Auction
        {
            State = State(version + 1, reckoning.Final, V1.AuctionStatus.Ended),
            WinnerId = reckoning.Winner,
            EndReason = V1.EndReason.Time,
        };
        frames.Observe(Ended(final, lateMs: 100));
        var outcomes = answers.Where(answer => answer.Result.Outcome == V1.BidOutcome.Rejected).ToDictionary(answer => answer.Key, V1.BidResult? (answer) => answer.Result);
        return new AuctionRun(recorded, "an-auction", answers, frames, outcomes, listed, final, null);
    }

    public static V1.WatchResponse Ended(V1.Auction final, int lateMs) => new()
    {
        Version = final.State.Version,
        ServerTime = (final.State.EndTime.ToDateTimeOffset() + TimeSpan.FromMilliseconds(lateMs)).ToTimestamp(),
        Ended = new V1.AuctionEnded { Final = final.State.Clone(), WinnerId = final.WinnerId, EndReason = final.EndReason },
    };

    private static V1.AuctionState State(long version, AuctionState state, V1.AuctionStatus status) => new()
    {
        Version = version,
        Status = status,
        CurrentPrice = state.BidCount == 0 ? null : FrameLogTests.Usd(state.Price),
        LeaderId = state.Leader,
        BidCount = state.BidCount,
        EndTime = Timestamp.FromDateTimeOffset(DateTimeOffset.UnixEpoch.AddDays(1)),
    };
}
