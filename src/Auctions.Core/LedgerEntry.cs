namespace Auctions.Core;

/// <summary>The phase of an auction's life.</summary>
public enum AuctionStatus
{
    /// <summary>Its start is in the future, or has come but nothing has recorded it yet.</summary>
    Scheduled,
    Active,
    /// <summary>Sealed: sold or unsold.</summary>
    Ended,
    Cancelled,
    /// <summary>Bought at the buy-it-now price. Only the sealing entry can follow.</summary>
    Bought,
}

/// <summary>
/// The state of an auction after its entries so far. Amounts in minor units, times in microseconds since 1970.
/// </summary>
/// <param name="Status">Scheduled until a bid or a wave finds that the auction has started.</param>
/// <param name="Price">0 before the first bid.</param>
/// <param name="Ceiling">The most that the leader would pay. Never shown.</param>
/// <param name="Leader">Empty before the first bid.</param>
/// <param name="EndUs">The effective end, with all extensions.</param>
/// <param name="Extensions">How often soft close has moved the end.</param>
/// <param name="BidCount">The number of accepted bids.</param>
public sealed record AuctionState(
    AuctionStatus Status, long Price, long Ceiling, string Leader, long EndUs, int Extensions, long BidCount)
{
    /// <summary>The state of an auction without bids.</summary>
    public static AuctionState Opened(AuctionStatus status, long endUs) => new(status, 0, 0, "", endUs, 0, 0);

    /// <summary>Sealed: nothing follows.</summary>
    public bool IsOver => Status is AuctionStatus.Ended or AuctionStatus.Cancelled;

    /// <summary>Whether a bid can still be accepted, if the time is right.</summary>
    public bool IsOpen => Status is AuctionStatus.Scheduled or AuctionStatus.Active;
}

/// <summary>The head of an auction's chain: its last entry and the state after it.</summary>
/// <param name="Version">The number of the last entry. The opening entry has 0.</param>
/// <param name="EntryId">The id of the last entry. The next decision must be made on top of this entry.</param>
/// <param name="DecidedUs">
/// The decision time of the last entry, in microseconds since 1970. The next entry's is not earlier.
/// </param>
public sealed record Head(long Version, Guid EntryId, Terms Terms, AuctionState State, long DecidedUs)
{
    /// <summary>The head after a decision on this one. A rejected bid does not move it.</summary>
    public Head After(DecidedBid bid) => bid.Accepted
        ? this with { Version = bid.Version, EntryId = bid.Id, State = bid.After, DecidedUs = bid.DecidedUs }
        : this;
}

/// <summary>What an entry of the ledger records.</summary>
public enum EntryKind
{
    /// <summary>Version 0: the auction as created.</summary>
    Opened,
    /// <summary>The start of the auction has come.</summary>
    Started,
    /// <summary>An accepted bid.</summary>
    Bid,
    /// <summary>The row was changed on another path: by a change of terms or an operator's UPDATE.</summary>
    Amended,
    /// <summary>The last entry: the auction has ended or was cancelled. Names the winner.</summary>
    Sealed,
}

/// <summary>Why an auction ended.</summary>
public enum EndReason
{
    None,
    Time,
    BoughtNow,
    EndedBySeller,
    EndedByService,
}

/// <summary>Why an auction is to be sealed.</summary>
public enum SealCause
{
    /// <summary>The end has come.</summary>
    Time,
    /// <summary>The seller ends the auction now and sells to the leader.</summary>
    EndedBySeller,
    /// <summary>The auction is cancelled. Nobody wins.</summary>
    Cancelled,
    /// <summary>Like <see cref="EndedBySeller"/>, by somebody with the role <c>service</c>.</summary>
    EndedByService,
}

/// <summary>One entry of an auction's chain, as the ledger stores it.</summary>
/// <param name="Prev">The previous entry; empty in the opening entry.</param>
/// <param name="Bid">Only with <see cref="EntryKind.Bid"/>.</param>
/// <param name="Outcome">Only with <see cref="EntryKind.Bid"/>.</param>
/// <param name="Terms">The terms from here on, in opening and amended entries.</param>
/// <param name="Winner">Only with <see cref="EntryKind.Sealed"/>; empty if the lot was not sold.</param>
public sealed record LedgerEntry(
    long Version,
    Guid Id,
    Guid Prev,
    EntryKind Kind,
    Bid? Bid,
    BidOutcome Outcome,
    AuctionState After,
    long DecidedUs,
    Terms? Terms,
    string Winner,
    EndReason EndReason)
{
    /// <summary>The version of the rules that applied when the entry was written: see <see cref="Rules.Version"/>.
    /// </summary>
    public int RulesVersion { get; init; } = Rules.Version;

    /// <summary>
    /// The public amount of an accepted bid, in minor units: its limit if it was outbid, otherwise the price at which
    /// it leads.
    /// </summary>
    public long Offered => Outcome == BidOutcome.Leading ? After.Price : Bid!.Limit;
}
