namespace Auctions.Ctl;

/// <summary>A promise found broken.</summary>
/// <param name="Invariant">Which, such as <c>I1</c>: see docs/invariants.md.</param>
/// <param name="AuctionId">The auction's UUID; in a replay the file's id.</param>
/// <param name="Version">Where in the auction's ledger; null where it is no one version's.</param>
/// <param name="Detail">What is, and what should be.</param>
public sealed record Violation(string Invariant, string AuctionId, long? Version, string Detail);
