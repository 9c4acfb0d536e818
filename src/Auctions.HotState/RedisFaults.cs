using StackExchange.Redis;

namespace Auctions.HotState;

/// <summary>What a failed call to Redis means.</summary>
internal enum RedisFault
{
    /// <summary>No fault of Redis: a cancellation, or a defect of the caller, who gets it as it is.</summary>
    None,

    /// <summary>
    /// The server did not do what it was asked, and would not have done it for another auction either. No key is
    /// dropped.
    /// </summary>
    Silence,

    /// <summary>
    /// The data of this auction cannot be read or written. Its keys are dropped and made again from the ledger; other
    /// auctions do not notice.
    /// </summary>
    Damage,
}

/// <summary>The one place that tells the silence of a server from the damage of an auction.</summary>
internal static class RedisFaults
{
    /// <summary>
    /// How errors begin that Redis 7 gives for a key, or for what a script found under a key. Every other error is
    /// about the server: LOADING, READONLY, OOM, MISCONF, BUSY, NOAUTH, NOPERM, CLUSTERDOWN, MASTERDOWN, MOVED, ASK,
    /// TRYAGAIN, and those of later versions. If an error of the server were taken for damage, all auctions would lose
    /// their keys.
    /// </summary>
    private static readonly string[] AboutKeys =
    [
        "WRONGTYPE ",
        "ERR hash value is not",
        "ERR value is not",
        "ERR user_script:", // Lua itself fails on a value
    ];

    public static RedisFault Of(Exception fault) => CauseOf(fault) switch
    {
        RedisServerException error => OfError(error.Message),
        FormatException or AuctionDamagedException => RedisFault.Damage,
        // An IOException broke the connection, and the client passed it on to a call that waited for its answer.
        RedisException or TimeoutException or ObjectDisposedException or IOException => RedisFault.Silence,
        _ => RedisFault.None,
    };

    /// <param name="message">An error as Redis sends it.</param>
    public static RedisFault OfError(string message) =>
        AboutKeys.Any(start => message.StartsWith(start, StringComparison.Ordinal))
            ? RedisFault.Damage
            : RedisFault.Silence;

    /// <summary>Some versions of the client wrap the fault of a scanned page in an AggregateException.</summary>
    public static Exception CauseOf(Exception fault)
    {
        while (fault is AggregateException { InnerException: { } inner }) fault = inner;
        return fault;
    }
}

/// <summary>Redis holds something of this auction that cannot be read.</summary>
internal sealed class AuctionDamagedException(Exception inner)
    : Exception($"Redis holds damaged data of the auction: {inner.Message}", inner);
