using Auctions.V1;

namespace Auctions.Ctl.Replay;

/// <summary>An answer to a bid.</summary>
/// <param name="Key">The idempotency key that it was sent with.</param>
/// <param name="LatencyMs">From the first attempt to the answer.</param>
public sealed record Answer(RecordedBid Bid, Guid Key, BidResult Result, double LatencyMs);

/// <summary>What was seen of one auction from its creation to its end: all that the checks look at.</summary>
/// <param name="AuctionId">The UUID that it was given.</param>
/// <param name="Answers">In the order of the bids; fewer than bids where <paramref name="Failure"/> says why.</param>
/// <param name="Outcomes">What GetBidOutcome says of each bid that was refused, by its key; null = nothing.</param>
/// <param name="Listed">What ListBids says at the end, newest first.</param>
/// <param name="Final">What GetAuction says at the end; null where it was not reached.</param>
/// <param name="Failure">Why it could not be carried through; null where it was.</param>
public sealed record AuctionRun(
    RecordedAuction Recorded,
    string AuctionId,
    IReadOnlyList<Answer> Answers,
    FrameLog Frames,
    IReadOnlyDictionary<Guid, BidResult?> Outcomes,
    IReadOnlyList<V1.Bid> Listed,
    Auction? Final,
    string? Failure);
