using System.Globalization;
using StackExchange.Redis;

namespace Auctions.HotState;

/// <summary>
/// The keys of an auction. Each begins with <c>auction:{s0417}:</c> and the auction's id. The braces hold the auction's
/// shard and are Redis Cluster's hash tag: all keys of a shard are in one slot, so that one script may use them
/// together.
/// </summary>
public readonly struct HotKeys(Guid auctionId)
{
    /// <summary>Part of the layout: with another number, Redis does not hold what it held before.</summary>
    public const int Shards = 1_024;

    /// <summary>
    /// Matches the <see cref="Pending"/> key of every auction, the one that it had in an earlier layout, and few other
    /// keys.
    /// </summary>
    public const string AnyPending = "auction:{*}*:pending";

    /// <summary>Matches the <see cref="Auction"/> key of every auction, and few other keys.</summary>
    public const string AnyAuction = "auction:{s????}:????????-????-????-????-????????????";

    private readonly string _prefix =
        string.Create(CultureInfo.InvariantCulture, $"auction:{Tag(ShardOf(auctionId))}:{auctionId:D}");

    /// <summary>
    /// The auction's shard, 0 to 1,023. It is FNV-1a (32 bits) over the id's 16 bytes, in the order in which the id is
    /// written, with the upper bits folded into the lowest ten.
    /// </summary>
    public static int ShardOf(Guid auctionId)
    {
        Span<byte> bytes = stackalloc byte[16];
        auctionId.TryWriteBytes(bytes, bigEndian: true, out _);
        var hash = 2_166_136_261u;
        foreach (var b in bytes) hash = (hash ^ b) * 16_777_619u;
        return (int)((hash ^ (hash >> 10) ^ (hash >> 20)) % Shards);
    }

    /// <summary>The auction with this <see cref="Pending"/> key; null if it is a key of something else.</summary>
    public static Guid? AuctionOfPending(string key) =>
        key.EndsWith(PendingSuffix, StringComparison.Ordinal) ? AuctionOf(key[..^PendingSuffix.Length]) : null;

    /// <summary>
    /// The auction with this key of pending entries in the earlier layout, <c>auction:{id}:pending</c>; null if it is
    /// a key of something else.
    /// </summary>
    public static Guid? AuctionOfEarlierPending(string key) =>
        key.Split('{', '}') is ["auction:", var id, PendingSuffix] && Guid.TryParseExact(id, "D", out var auctionId)
            ? auctionId
            : null;

    /// <summary>The auction with this <see cref="Auction"/> key; null if it is a key of something else.</summary>
    public static Guid? AuctionOf(string key) =>
        key.Split(':') is [_, _, var id] && Guid.TryParseExact(id, "D", out var auctionId)
            && new HotKeys(auctionId).Auction == key
                ? auctionId
                : null;

    /// <summary>Hash: terms, state and head.</summary>
    public RedisKey Auction => _prefix;

    /// <summary>Hash: version to decision line, for the entries that are not known to be in the ledger.</summary>
    public RedisKey Pending => _prefix + PendingSuffix;

    /// <summary>
    /// Set: the ids of the shard's auctions with pending entries. Scripts add an auction before its first pending entry
    /// and remove it after its last one.
    /// </summary>
    public RedisKey PendingIndex => PendingIndexOf(ShardOf(auctionId));

    /// <param name="shard">0 to 1,023.</param>
    public static RedisKey PendingIndexOf(int shard) => Tag(shard) + PendingSuffix;

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

    private const string PendingSuffix = ":pending";

    private static string Tag(int shard) => string.Create(CultureInfo.InvariantCulture, $"{{s{shard:D4}}}");
}
