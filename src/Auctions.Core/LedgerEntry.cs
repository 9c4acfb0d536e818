namespace Auctions.Core;

/// <summary>What an entry of the ledger is.</summary>
public enum EntryKind
{
    /// <summary>Version 0: the auction as created.</summary>
    Opened,
    /// <summary>Its start has come.</summary>
    Started,
    /// <summary>An accepted bid.</summary>
    Bid,
    /// <summary>The row was changed by another path: an operator's UPDATE, a change of terms.</summary>
    Amended,
    /// <summary>The last one: ended or cancelled, with the winner.</summary>
    Sealed,
}

/// <summary>Why an auction ended.</summary>
public enum EndReason
{
    None,
    Time,
    BoughtNow,
    EndedBySeller,
}

/// <summary>Why an auction is to be sealed.</summary>
public enum SealCause
{
    /// <summary>Its end has come.</summary>
    Time,
    /// <summary>The seller ends it now, and sells to the leader.</summary>
    EndedBySeller,
    /// <summary>Nobody wins.</summary>
    Cancelled,
}

/// <summary>One entry of an auction's chain, as the ledger holds it.</summary>
/// <param name="Prev">The entry before; empty in the opening one.</param>
/// <param name="Bid">With <see cref="EntryKind.Bid"/>.</param>
/// <param name="Outcome">With <see cref="EntryKind.Bid"/>.</param>
/// <param name="Terms">With opening and amended entries: the terms from here on.</param>
/// <param name="Winner">With <see cref="EntryKind.Sealed"/>; empty where unsold.</param>
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
    /// <summary>What an accepted bid visibly offered, in minor units: its limit if it was outbid, else the price that it leads at.</summary>
    public long Offered => Outcome == BidOutcome.Leading ? After.Price : Bid!.Limit;
}
