namespace Auctions.Faults.Evidence;

/// <summary>
/// A call that was answered with an auction's version: a creation (version 0), a seller's end or cancellation, or a read. Times by the run's
/// monotonic clock, microseconds.
/// </summary>
/// <param name="What">Such as <c>GetAuction</c>.</param>
public sealed record ObservedCall(Guid AuctionId, string What, long BeganUs, long EndedUs, long Version);
