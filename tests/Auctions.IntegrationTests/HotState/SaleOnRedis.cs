using Auctions.Core;
using Auctions.HotState;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.HotState;

/// <summary>A random sale in Redis, and what the rules make of the same bids.</summary>
internal sealed class SaleOnRedis
{
    private readonly Guid _auctionId = Guid.NewGuid();
    private readonly RandomSale _sale;
    private readonly IDatabase _redis;
    private readonly BranchCount _count;
    private readonly long _hydratedVersion;
    private readonly Dictionary<(string, Guid), DecidedBid> _answers = [];
    private readonly Dictionary<string, string> _pending = [];
    private readonly VelocityLimit _velocity = new HotStateOptions().Velocity;
    private readonly Dictionary<string, List<long>> _decidedUs = [];

    private SaleOnRedis(RandomSale sale, Head head, IDatabase redis, BranchCount count)
    {
        (_sale, Head, _redis, _count) = (sale, head, redis, count);
        _hydratedVersion = head.Version;
    }

    /// <summary>The head by the rules.</summary>
    public Head Head { get; private set; }

    public static async Task<SaleOnRedis> OpenAsync(RandomSale sale, RedisHotState hotState, IDatabase redis, BranchCount count)
    {
        var head = new Head(sale.State.BidCount * 3, Guid.NewGuid(), sale.Terms, sale.State);
        var auction = new SaleOnRedis(sale, head, redis, count);
        Assert.True(await hotState.HydrateAsync(auction._auctionId, null, head, [], CancellationToken.None));
        return auction;
    }

    /// <summary>Has one call decide some bids, and compares.</summary>
    /// <param name="nowUs">About when: what is decided is compared at the moment that the script names.</param>
    public async Task CallAsync(
        Random random, int bids, long nowUs, Func<Guid, Proposal[], long, Task<IReadOnlyList<DecidedBid>>> decide)
    {
        var proposals = Propose(random, bids, nowUs);
        var decided = await decide(_auctionId, proposals, nowUs);
        Assert.Equal(bids, decided.Count);
        _count.Seen("many bids in one call", bids > 20);
        for (var i = 0; i < bids; i++) Compare(proposals[i], decided[i]);
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
            ["hydrated_version"] = $"{_hydratedVersion}",
        };
        var keys = new HotKeys(_auctionId);
        var hash = await ReadAsync(keys.Auction);
        hash.Remove("kept_s"); // when its life was last prolonged
        Assert.Equal(expected, hash);
        Assert.Equal(_pending, await ReadAsync(keys.Pending));

        async Task<Dictionary<string, string>> ReadAsync(RedisKey key) =>
            (await _redis.HashGetAllAsync(key)).ToDictionary(e => e.Name.ToString(), e => e.Value.ToString());
    }

    /// <summary>Bids for the states that the rules will come to, if they are decided about now.</summary>
    private Proposal[] Propose(Random random, int bids, long nowUs)
    {
        var proposals = new Proposal[bids];
        var state = Head.State;
        for (var i = 0; i < bids; i++)
        {
            var bid = _sale.Next(state);
            var voided = _answers.TryGetValue((bid.Bidder, bid.Key), out var answer) && random.Next(2) == 0 ? answer.Id : Guid.Empty;
            proposals[i] = new Proposal(Guid.NewGuid(), bid, voided, Limited: random.Next(3) == 0);
            state = Rules.Decide(Head.Terms, state, bid, nowUs).After;
        }

        return proposals;
    }

    private void Compare(Proposal proposal, DecidedBid decided)
    {
        var record = (proposal.Bid.Bidder, proposal.Bid.Key);
        if (_answers.TryGetValue(record, out var answer) && answer.Id != proposal.Void)
        {
            _count.Seen("asked again");
            Assert.Equal(answer, decided);
            return;
        }

        _count.Seen("voided", answer is not null);
        var expected = DecidedBid.Decide(_auctionId, Head, proposal.Id, proposal.Bid, decided.DecidedUs, Admitted(proposal, decided.DecidedUs));
        Assert.Equal(expected, decided);
        _count.Count(Head.Terms, decided);
        if (decided.Reason == RejectionReason.Velocity) return;
        _answers[record] = decided;
        if (!decided.Accepted) return;
        _pending[$"{decided.Version}"] = DecisionLine.Format(decided);
        Head = Head with { Version = decided.Version, EntryId = decided.Id, State = decided.After };
    }

    private bool Admitted(Proposal proposal, long nowUs)
    {
        if (!proposal.Limited || proposal.Void != Guid.Empty) return true;
        if (!_decidedUs.TryGetValue(proposal.Bid.Bidder, out var times)) _decidedUs[proposal.Bid.Bidder] = times = [];
        if (!_velocity.Admits(times, nowUs)) return false;
        times.Add(nowUs);
        return true;
    }
}
