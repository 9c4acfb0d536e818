using Auctions.Core;

namespace Auctions.Faults.Evidence;

/// <summary>A row of the ledger: an entry, or a refusal.</summary>
/// <param name="Version">Of an entry; null in a refusal.</param>
/// <param name="Basis">Of a refusal: the version of the entry that it rests on.</param>
/// <param name="Bid">With bids and refusals.</param>
/// <param name="After">The state after it; null in a refusal.</param>
/// <param name="Terms">Where it sets them.</param>
public sealed record LedgerRecord(
    Guid Id, Guid Prev, long? Version, long? Basis, EntryKind Kind, Bid? Bid, BidOutcome Outcome, RejectionReason Reason,
    AuctionState? After, bool ReserveMet, long DecidedUs, Terms? Terms, string Winner, EndReason EndReason);

/// <summary>An auction's row.</summary>
public sealed record AuctionRow(
    Guid Id, long Version, Guid Head, AuctionState State, bool ReserveMet, string Winner, EndReason EndReason, Terms Terms);
