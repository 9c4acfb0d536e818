using StackExchange.Redis;

namespace Auctions.Platform.HotState;

/// <summary>
/// An auction's keys. The braces around its id are Redis Cluster's hash tag: all of them are in one slot, so that a script may
/// touch them together.
/// </summary>
public readonly struct HotKeys(Guid auctionId)
{
    private readonly string _prefix = $"auction:{{{auctionId}}}";

    /// <summary>Hash: terms, state and head.</summary>
    public RedisKey Auction => _prefix;

    /// <summary>Hash: version to decision line, of what is not known to be in the ledger.</summary>
    public RedisKey Pending => _prefix + ":pending";

    /// <summary>String: the decision line that answers this idempotency key.</summary>
    public RedisKey Answer(string bidder, Guid key) => $"{_prefix}:idem:{bidder}:{key}";
}
