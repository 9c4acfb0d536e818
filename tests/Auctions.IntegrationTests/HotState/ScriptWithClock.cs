using System.Globalization;
using Auctions.Core;
using Auctions.HotState;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.HotState;

/// <summary>place_bids.lua as it is, but for the clock: two more arguments at the end are its seconds and microseconds.</summary>
internal sealed class ScriptWithClock
{
    private const string Clock = "call('TIME')";
    private static readonly VelocityLimit Velocity = new HotStateOptions().Velocity;

    private readonly IDatabase _redis;
    private readonly string _text;

    public ScriptWithClock(IDatabase redis)
    {
        _redis = redis;
        using var stream = typeof(RedisHotState).Assembly.GetManifestResourceStream("Auctions.HotState.Scripts.place_bids.lua")!;
        using var reader = new StreamReader(stream);
        var text = reader.ReadToEnd();
        Assert.Equal(2, text.Split(Clock).Length);
        _text = text.Replace(Clock, "{ ARGV[#ARGV - 1], ARGV[#ARGV] }", StringComparison.Ordinal);
    }

    public async Task<IReadOnlyList<DecidedBid>> DecideAsync(Guid auctionId, Proposal[] proposals, long nowUs)
    {
        var keys = new HotKeys(auctionId);
        RedisKey[] redisKeys = [keys.Auction, keys.Pending, .. keys.Answers, .. proposals.Where(p => p is { Limited: true } && p.Void == Guid.Empty).Select(p => keys.Velocity(p.Bid.Bidder))];
        RedisValue[] arguments =
        [
            60, 60, "", Velocity.BidsMax, Velocity.WindowUs / 1_000_000, .. proposals.SelectMany(Arguments),
            (nowUs / 1_000_000).ToString(CultureInfo.InvariantCulture), (nowUs % 1_000_000).ToString(CultureInfo.InvariantCulture),
        ];
        var reply = (string[])(await _redis.ScriptEvaluateAsync(_text, redisKeys, arguments))!;
        return [.. reply.Skip(1).Select(line => DecisionLine.Parse(auctionId, line))];

        static RedisValue[] Arguments(Proposal p) =>
        [
            $"{p.Id}", EnumText.Of(p.Bid.Kind), p.Bid.Bidder, $"{p.Bid.Key}", p.Bid.Currency, p.Bid.Amount, p.Bid.Max,
            p.Void != Guid.Empty ? $"{p.Void}" : p.Limited ? "limited" : "",
        ];
    }
}
