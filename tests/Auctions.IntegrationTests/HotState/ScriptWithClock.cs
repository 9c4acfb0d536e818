using System.Globalization;
using Auctions.Core;
using Auctions.HotState;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.HotState;

/// <summary>
/// place_bids.lua with another clock: two more arguments at the end give its seconds and microseconds.
/// </summary>
internal sealed class ScriptWithClock
{
    private const string Clock = "call('TIME')";
    private readonly IDatabase _redis;
    private readonly string _text;
    private readonly VelocityLimit _velocity;

    public ScriptWithClock(IDatabase redis, VelocityLimit? velocity = null)
    {
        _redis = redis;
        _velocity = velocity ?? new HotStateOptions().Velocity;
        const string resource = "Auctions.HotState.Scripts.place_bids.lua";
        using var stream = typeof(RedisHotState).Assembly.GetManifestResourceStream(resource)!;
        using var reader = new StreamReader(stream);
        var text = reader.ReadToEnd();
        Assert.Equal(2, text.Split(Clock).Length);
        _text = text.Replace(Clock, "{ ARGV[#ARGV - 1], ARGV[#ARGV] }", StringComparison.Ordinal);
    }

    public async Task<IReadOnlyList<DecidedBid>> DecideAsync(Guid auctionId, UndecidedBid[] bids, long nowUs)
    {
        var keys = new HotKeys(auctionId);
        var limited = bids.Where(b => b.Limited && b.Bid.IsCounted);
        RedisKey[] redisKeys =
        [
            keys.Auction, keys.Pending, keys.PendingIndex, .. keys.Answers,
            .. limited.Select(b => keys.Velocity(b.Bid.Bidder)),
        ];
        RedisValue[] arguments =
        [
            60, 60, "", _velocity.BidsMax, _velocity.WindowUs / 1_000_000, .. bids.SelectMany(Arguments),
            (nowUs / 1_000_000).ToString(CultureInfo.InvariantCulture),
            (nowUs % 1_000_000).ToString(CultureInfo.InvariantCulture),
        ];
        var reply = (string[])(await _redis.ScriptEvaluateAsync(_text, redisKeys, arguments))!;
        return [.. reply.Skip(1).Select(line => DecisionLine.Parse(auctionId, line))];

        static RedisValue[] Arguments(UndecidedBid b) =>
        [
            $"{b.Id}", EnumText.Of(b.Bid.Kind), b.Bid.Bidder, $"{b.Bid.Key}", b.Bid.Currency, b.Bid.Amount, b.Bid.Max,
            (b.Limited && b.Bid.IsCounted ? "limited" : "") + (b.Replaces == Guid.Empty ? "" : $"{b.Replaces}"),
        ];
    }
}
