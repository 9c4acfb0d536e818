namespace Auctions.Core;

/// <summary>Where an auction is in its life.</summary>
public enum AuctionStatus
{
    /// <summary>Its start lies ahead, or no one has noticed yet that it has come.</summary>
    Scheduled,
    Active,
    /// <summary>Sealed: sold or unsold.</summary>
    Ended,
    Cancelled,
}

/// <summary>What the entries so far have made of an auction. Amounts in minor units, times in microseconds since 1970.</summary>
/// <param name="Status">Scheduled until a bid, or a wave, finds that it has started.</param>
/// <param name="Price">0 before the first bid.</param>
/// <param name="Ceiling">What the leader would pay at most. Never shown.</param>
/// <param name="Leader">Empty before the first bid.</param>
/// <param name="EndUs">The effective end, extensions included.</param>
/// <param name="Extensions">How often soft close has moved the end.</param>
/// <param name="BidCount">Accepted bids.</param>
public sealed record AuctionState(
    AuctionStatus Status, long Price, long Ceiling, string Leader, long EndUs, int Extensions, long BidCount)
{
    /// <summary>An auction without a bid.</summary>
    public static AuctionState Opened(AuctionStatus status, long endUs) => new(status, 0, 0, "", endUs, 0, 0);

    public bool IsOver => Status is AuctionStatus.Ended or AuctionStatus.Cancelled;
}

/// <summary>An auction as its ledger has it: the last entry, and the state after it.</summary>
/// <param name="Version">The last entry's number; the opening entry's is 0.</param>
/// <param name="EntryId">The last entry's id: on it the next one must be decided.</param>
public sealed record Head(long Version, Guid EntryId, Terms Terms, AuctionState State);
