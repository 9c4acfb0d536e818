using StackExchange.Redis;

namespace Auctions.HotState;

/// <summary>
/// The keys of an auction. The braces around its id are Redis Cluster's hash tag: all keys of an auction are in one
/// slot, so that one script may use them together.
/// </summary>
public readonly struct HotKeys(Guid auctionId)
{
    /// <summary>Matches the <see cref="Pending"/> key of every auction.</summary>
    public const string AnyPending = "auction:{*}:pending";

    /// <summary>Matches the <see cref="Auction"/> key of every auction, and few other keys.</summary>
    public const string AnyAuction = "auction:{*}";

    private readonly string _prefix = $"auction:{{{auctionId}}}";

    /// <summary>The auction with this <see cref="Pending"/> key; null if it is a key of something else.</summary>
    public static Guid? AuctionOfPending(string key) =>
        key.Split('{', '}') is [_, var id, _] && Guid.TryParseExact(id, "D", out var auctionId) ? auctionId : null;

    /// <summary>The auction with this <see cref="Auction"/> key; null if it is a key of something else.</summary>
    public static Guid? AuctionOf(string key) =>
        key.Split('{', '}') is ["auction:", var id, ""] && Guid.TryParseExact(id, "D", out var auctionId)
            ? auctionId
            : null;

    /// <summary>Hash: terms, state and head.</summary>
    public RedisKey Auction => _prefix;

    /// <summary>Hash: version to decision line, for the entries that are not known to be in the ledger.</summary>
    public RedisKey Pending => _prefix + ":pending";

    /// <summary>
    /// String: when the bidder's last bids were decided, oldest first; for each 16 digits of microseconds and a blank.
    /// </summary>
    public RedisKey Velocity(string bidder) => $"{_prefix}:rate:{bidder}";

    /// <summary>
    /// Two hashes: <see cref="AnswerField"/> to the decision line that answers the key. One holds the answers of the
    /// current period, the other those of the period before; they swap roles every period.
    /// </summary>
    public IReadOnlyList<RedisKey> Answers => [_prefix + ":idem:0", _prefix + ":idem:1"];

    /// <summary>The field of an idempotency key in <see cref="Answers"/>.</summary>
    public static string AnswerField(string bidder, Guid key) => $"{bidder} {key}";
}
