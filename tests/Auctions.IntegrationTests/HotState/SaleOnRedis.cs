using Auctions.Core;
using Auctions.HotState;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.HotState;

/// <summary>A random sale in Redis, and the state that the rules give for the same bids.</summary>
internal sealed class SaleOnRedis
{
    private readonly Guid _auctionId = Guid.NewGuid();
    private readonly RandomSale _sale;
    private readonly IDatabase _redis;
    private readonly BranchCount _count;
    private readonly long _hydratedVersion;
    private readonly Dictionary<(string, Guid), DecidedBid> _answers = [];
    private readonly Dictionary<string, string> _pending = [];
    private readonly VelocityLimit _velocity;
    private readonly Dictionary<string, List<long>> _acceptedUs = [];

    private SaleOnRedis(RandomSale sale, Head head, IDatabase redis, BranchCount count, VelocityLimit velocity)
    {
        (_sale, Head, _redis, _count, _velocity) = (sale, head, redis, count, velocity);
        _hydratedVersion = head.Version;
    }

    /// <summary>The head according to the rules.</summary>
    public Head Head { get; private set; }

    public static async Task<SaleOnRedis> OpenAsync(
        RandomSale sale, RedisHotState hotState, IDatabase redis, BranchCount count, VelocityLimit velocity)
    {
        var head = new Head(sale.State.BidCount * 3, Guid.NewGuid(), sale.Terms, sale.State, sale.DecidedUs);
        var auction = new SaleOnRedis(sale, head, redis, count, velocity);
        Assert.True(await hotState.HydrateAsync(auction._auctionId, null, head, [], CancellationToken.None));
        return auction;
    }

    /// <summary>Decides some bids in one call, and compares the decisions.</summary>
    /// <param name="nowUs">Redis' clock at the time of the call.</param>
    /// <param name="exact">
    /// Whether the clock stands. If not, the comparison uses the time that the script returns.
    /// </param>
    public async Task CallAsync(
        Random random, int bids, long nowUs, bool exact,
        Func<Guid, UndecidedBid[], long, Task<IReadOnlyList<DecidedBid>>> decide)
    {
        var undecided = NextBids(random, bids, nowUs);
        var decided = await decide(_auctionId, undecided, nowUs);
        Assert.Equal(bids, decided.Count);
        _count.Seen("many bids in one call", bids > 20);
        for (var i = 0; i < bids; i++) Compare(undecided[i], decided[i], exact ? nowUs : decided[i].DecidedUs);
    }

    public async Task AssertSameHashAsync()
    {
        var state = Head.State;
        var expected = new Dictionary<string, string>
        {
            ["terms"] = Head.Terms.Line,
            ["status"] = EnumText.Of(state.Status),
            ["price"] = $"{state.Price}",
            ["ceiling"] = $"{state.Ceiling}",
            ["leader"] = state.Leader,
            ["end_us"] = $"{state.EndUs}",
            ["extensions"] = $"{state.Extensions}",
            ["bid_count"] = $"{state.BidCount}",
            ["version"] = $"{Head.Version}",
            ["head"] = $"{Head.EntryId}",
            ["decided_us"] = $"{Head.DecidedUs}",
            ["hydrated_version"] = $"{_hydratedVersion}",
        };
        var keys = new HotKeys(_auctionId);
        var hash = await ReadAsync(keys.Auction);
        hash.Remove("kept_s"); // the time of the last renewal of its expiry
        Assert.Equal(expected, hash);
        Assert.Equal(_pending, await ReadAsync(keys.Pending));

        async Task<Dictionary<string, string>> ReadAsync(RedisKey key) =>
            (await _redis.HashGetAllAsync(key)).ToDictionary(e => e.Name.ToString(), e => e.Value.ToString());
    }

    /// <summary>Bids for the states that follow one another, if the bids are decided at about this time.</summary>
    private UndecidedBid[] NextBids(Random random, int bids, long nowUs)
    {
        var undecided = new UndecidedBid[bids];
        var state = Head.State;
        for (var i = 0; i < bids; i++)
        {
            var bid = _sale.Next(state);
            var known = _answers.TryGetValue((bid.Bidder, bid.Key), out var answer);
            var replaces = known && random.Next(2) == 0 ? answer!.Id : Guid.Empty;
            undecided[i] = new UndecidedBid(Guid.NewGuid(), bid, replaces, Limited: random.Next(3) == 0);
            state = Rules.Decide(Head.Terms, state, bid, nowUs).After;
        }

        return undecided;
    }

    private void Compare(UndecidedBid undecided, DecidedBid decided, long clockUs)
    {
        var record = (undecided.Bid.Bidder, undecided.Bid.Key);
        if (_answers.TryGetValue(record, out var answer) && answer.Id != undecided.Replaces)
        {
            _count.Seen("asked again");
            Assert.Equal(answer, decided);
            return;
        }

        _count.Seen("replaced", answer is not null);
        _count.Seen("decided at the time of the head, which is later", decided.DecidedUs > clockUs);
        var admitted = Admitted(undecided, answer, clockUs);
        var expected = DecidedBid.Decide(_auctionId, Head, undecided.Id, undecided.Bid, clockUs, admitted);
        Assert.Equal(expected, decided);
        _count.Count(Head.Terms, decided);
        if (decided.Reason == RejectionReason.Velocity) return;
        _answers[record] = decided;
        if (!decided.Accepted) return;
        if (IsCounted(undecided)) Counted(undecided, clockUs);
        _pending[$"{decided.Version}"] = DecisionLine.Format(decided);
        Head = Head.After(decided);
    }

    /// <summary>
    /// Whether the velocity limit admits the bid. If it replaces a bid that was accepted, that one counts no more.
    /// </summary>
    private bool Admitted(UndecidedBid undecided, DecidedBid? replaced, long nowUs)
    {
        if (!IsCounted(undecided)) return true;
        var times = TimesOf(undecided);
        if (replaced is { Accepted: true } && times.FindLastIndex(t => t <= replaced.DecidedUs) is >= 0 and var index)
        {
            times.RemoveAt(index);
            _count.Seen("counted before, and replaced");
        }

        return _velocity.Admits(times, nowUs);
    }

    private void Counted(UndecidedBid undecided, long decidedUs)
    {
        var times = TimesOf(undecided);
        times.Add(decidedUs);
        if (times.Count > _velocity.BidsMax) times.RemoveAt(0); // a window holds no more
    }

    private List<long> TimesOf(UndecidedBid undecided)
    {
        var bidder = undecided.Bid.Bidder;
        if (!_acceptedUs.TryGetValue(bidder, out var times)) _acceptedUs[bidder] = times = [];
        return times;
    }

    private static bool IsCounted(UndecidedBid undecided) => undecided.Limited && undecided.Bid.IsCounted;
}
