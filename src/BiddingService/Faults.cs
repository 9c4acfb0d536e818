namespace BiddingService;

/// <summary>A bound is reached; nothing was decided.</summary>
internal sealed class OverloadedException(string what, int max) : Exception($"{what}: at the limit of {max}")
{
    /// <summary>When it is worth trying again.</summary>
    public static TimeSpan RetryAfter { get; } = TimeSpan.FromMilliseconds(200);
}

internal sealed class AuctionNotFoundException(Guid auctionId) : Exception($"There is no auction {auctionId}.")
{
    public Guid AuctionId { get; } = auctionId;
}

internal sealed class KeyReusedException(Guid key) : Exception($"The idempotency key {key} was used for another request.")
{
    public Guid Key { get; } = key;
}

/// <summary>The bid may have been decided: the same idempotency key finds out.</summary>
internal sealed class OutcomeUnknownException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Postgres has not answered for a while: nothing is decided until it does.</summary>
internal sealed class LedgerDownException() : Exception("Postgres does not answer.")
{
    /// <summary>When it is worth trying again.</summary>
    public static TimeSpan RetryAfter { get; } = TimeSpan.FromSeconds(1);
}
