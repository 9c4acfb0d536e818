using StackExchange.Redis;

namespace Auctions.HotState;

/// <summary>
/// An auction's keys. The braces around its id are Redis Cluster's hash tag: all of them are in one slot, so that a script may
/// touch them together.
/// </summary>
public readonly struct HotKeys(Guid auctionId)
{
    /// <summary>Matches every auction's <see cref="Pending"/>.</summary>
    public const string AnyPending = "auction:{*}:pending";

    /// <summary>Matches every auction's <see cref="Auction"/>, and few keys beside.</summary>
    public const string AnyAuction = "auction:{*}";

    private readonly string _prefix = $"auction:{{{auctionId}}}";

    /// <summary>The auction whose <see cref="Pending"/> that is; null where it is somebody else's key.</summary>
    public static Guid? AuctionOfPending(string key) =>
        key.Split('{', '}') is [_, var id, _] && Guid.TryParseExact(id, "D", out var auctionId) ? auctionId : null;

    /// <summary>The auction whose <see cref="Auction"/> that is; null where it is somebody else's key.</summary>
    public static Guid? AuctionOf(string key) =>
        key.Split('{', '}') is ["auction:", var id, ""] && Guid.TryParseExact(id, "D", out var auctionId) ? auctionId : null;

    /// <summary>Hash: terms, state and head.</summary>
    public RedisKey Auction => _prefix;

    /// <summary>Hash: version to decision line, of what is not known to be in the ledger.</summary>
    public RedisKey Pending => _prefix + ":pending";

    /// <summary>String: when this bidder's last bids were decided, 16 digits of microseconds and a blank each, oldest first.</summary>
    public RedisKey Velocity(string bidder) => $"{_prefix}:rate:{bidder}";

    /// <summary>
    /// Hashes: <see cref="Request"/> to the decision line that answers it. Each holds the answers of one period, by turns; the other one those
    /// of the period before.
    /// </summary>
    public IReadOnlyList<RedisKey> Answers => [_prefix + ":idem:0", _prefix + ":idem:1"];

    /// <summary>The name of a request in <see cref="Answers"/>.</summary>
    public static string Request(string bidder, Guid key) => $"{bidder} {key}";
}
