using Auctions.Core;

namespace Auctions.Ledger;

/// <summary>An auction to be created.</summary>
/// <param name="Key">The seller's idempotency key.</param>
/// <param name="Digest">Of what the seller asked for, as the service computes it: the same key with another digest is another request.</param>
/// <param name="EndUs">After the start. Microseconds since 1970.</param>
/// <param name="CreatedUs">It opens as active if its start is not after this.</param>
public sealed record NewAuction(
    Guid Id, Guid Key, string Digest, string Title, string Description, IReadOnlyList<string> MediaUrls, string Category, string PostId,
    Terms Terms, long EndUs, long CreatedUs);

public enum CreateOutcome
{
    Created,
    /// <summary>The same request came before: its auction.</summary>
    AlreadyCreated,
    /// <summary>The seller used the key for another request: that one's auction.</summary>
    KeyReused,
}

public sealed record CreateResult(CreateOutcome Outcome, AuctionRow Auction);

/// <summary>A seller's change of an auction; null = as it is.</summary>
/// <param name="EndUs">The end, original and effective.</param>
public sealed record Amendment(
    string? Title = null, string? Description = null, IReadOnlyList<string>? MediaUrls = null, string? Category = null, string? PostId = null,
    Terms? Terms = null, long? EndUs = null);

public enum AmendOutcome
{
    Amended,
    NoSuchAuction,
    /// <summary>Terms change before the first bid alone.</summary>
    HasBids,
    /// <summary>Its terms no longer matter: it is sealed, or its end has come.</summary>
    Over,
    /// <summary>The auction is not at the version that the change was made for: read it again.</summary>
    Moved,
}

/// <param name="Auction">As it is now; null where there is none.</param>
public sealed record AmendResult(AmendOutcome Outcome, AuctionRow? Auction);

/// <param name="NowUs">The deciding clock, microseconds since 1970.</param>
/// <param name="CancelReason">With <see cref="SealCause.Cancelled"/>.</param>
public sealed record SealRequest(Guid AuctionId, SealCause Cause, long NowUs, string CancelReason = "");

public enum SealOutcome
{
    /// <summary>Sealed by this request. Where the end had come it ended by that, whatever was asked: the row says how.</summary>
    Sealed,
    /// <summary>It was sealed before: the row says how.</summary>
    AlreadyOver,
    /// <summary>Its end lies ahead: the row says when.</summary>
    NotYet,
    /// <summary>A seller may not end it in its last hours, once there is a bid that would win.</summary>
    TooLate,
    NoSuchAuction,
}

/// <param name="Auction">As it is now; null where there is none.</param>
public sealed record SealResult(SealOutcome Outcome, AuctionRow? Auction);
