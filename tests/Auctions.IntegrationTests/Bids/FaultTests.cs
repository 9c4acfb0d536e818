using Auctions.Core;
using Auctions.Grpc;
using Auctions.HotState;
using Grpc.Core;
using Grpc.Health.V1;
using static Auctions.IntegrationTests.Bids.BiddingStack;
using static Auctions.IntegrationTests.Servers.TestStack;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace Auctions.IntegrationTests.Bids;

/// <summary>
/// Two instances. Redis and Postgres are killed, flushed and edited while bids are in flight. Afterwards, the audit of
/// the ledger decides.
/// </summary>
public sealed class FaultTests : IAsyncLifetime
{
    private BiddingStack _stack = null!;

    public async Task InitializeAsync() => _stack = await BiddingStack.StartAsync(
        instances: 2, "--Bidding:SweepSeconds=1", "--HotState:CallTimeoutMs=600");

    public async Task DisposeAsync() => await _stack.DisposeAsync();

    [Fact]
    public async Task The_bids_of_two_hundred_bidders_at_two_instances_are_one_chain()
    {
        var auction = await _stack.OpenAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(i =>
            _stack.BidAsync(auction, $"b{i}", 100 + (i * 37 % 200 * 10), instance: i % 2)));

        await AgreesAsync(auction, answers);
    }

    [Fact]
    public async Task Bidding_continues_while_Redis_is_killed_and_restarted()
    {
        var auction = await _stack.OpenAsync();
        var bidding = Task.WhenAll(Enumerable.Range(0, 16).Select(BidsAsync));
        await _stack.Redis.Process.KillAsync();
        var without = await _stack.BidUntilKnownAsync(auction, "calm", 1_000_000);
        await _stack.Redis.StartAsync();

        var answers = await bidding;

        await AgreesAsync(auction, [.. answers.SelectMany(a => a), without]);
        Assert.Equal(V1.BidOutcome.Leading, (await _stack.BidUntilKnownAsync(auction, "last", 2_000_000)).Outcome);

        async Task<List<V1.BidResult>> BidsAsync(int bidder)
        {
            var mine = new List<V1.BidResult>();
            for (var i = 0; i < 25; i++)
            {
                mine.Add(await _stack.BidUntilKnownAsync(
                    auction, $"b{bidder}", 100 + (i * 160) + (bidder * 10), instance: bidder % 2));
            }

            return mine;
        }
    }

    [Theory]
    [InlineData("price", "90")]
    [InlineData("ceiling", "100")]
    [InlineData("leader", "mallory")]
    [InlineData("end_us", "1")]
    [InlineData("status", "cancelled")]
    [InlineData("version", "0")]
    [InlineData("bid_count", "0")]
    [InlineData("terms", "nobody USD 1 0 0 0 0 0 1 fixed:1")]
    public async Task A_forged_field_in_Redis_loses_no_bid(string field, string value)
    {
        var auction = await _stack.OpenAsync();
        await _stack.BidAsync(auction, "ann", 500);
        await _stack.EditRedisAsync(auction, field, value);

        var bob = await _stack.BidAsync(auction, "bob", 300);
        var cem = await _stack.BidAsync(auction, "cem", 800);

        Assert.Equal((V1.BidOutcome.Outbid, V1.BidOutcome.Leading), (bob.Outcome, cem.Outcome));
        Assert.Equal(Usd(510), cem.State.CurrentPrice);
        await AgreesAsync(auction, [bob, cem]);
    }

    [Fact]
    public async Task Without_Postgres_no_bid_is_acknowledged_and_the_key_finds_the_outcome_later()
    {
        var (auction, key) = (await _stack.OpenAsync(), Guid.NewGuid());
        await _stack.BidAsync(auction, "ann", 500);
        await _stack.Postgres.Process.KillAsync();

        var error = await Assert.ThrowsAsync<RpcException>(() => _stack.BidAsync(auction, "bob", 900, key));
        await _stack.Postgres.StartAsync();
        var answer = await _stack.BidUntilKnownAsync(auction, "bob", 900, key);

        Assert.Equal((StatusCode.Unavailable, "OUTCOME_UNKNOWN"), (error.StatusCode, RpcErrors.Reason(error)));
        Assert.Equal(V1.BidOutcome.Leading, answer.Outcome);
        await AgreesAsync(auction, [answer]);
    }

    [Fact]
    public async Task Without_Postgres_calls_fail_fast_and_decided_bids_are_appended_when_it_is_back()
    {
        var (auction, key) = (await _stack.OpenAsync(), Guid.NewGuid());
        await _stack.BidAsync(auction, "ann", 500);
        await _stack.Postgres.Process.KillAsync();
        await Assert.ThrowsAsync<RpcException>(() => _stack.BidAsync(auction, "bob", 900, key));

        RpcException? later = null;
        await Eventually.TrueAsync(async () =>
        {
            later = await Assert.ThrowsAsync<RpcException>(() => _stack.BidAsync(auction, "cem", 950));
            return RpcErrors.Reason(later) == "LEDGER_UNAVAILABLE";
        });
        await _stack.Postgres.StartAsync();

        Assert.Equal(StatusCode.Unavailable, later!.StatusCode);
        Assert.NotNull(RpcErrors.Detail<Google.Rpc.RetryInfo>(later));
        await Eventually.TrueAsync(async () =>
        {
            var request = new V1.GetBidOutcomeRequest { AuctionId = $"{auction}", IdempotencyKey = $"{key}" };
            try
            {
                var found = await _stack.Client.GetBidOutcomeAsync(request, As("bob"));
                return found.Result.Outcome == V1.BidOutcome.Leading;
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.NotFound)
            {
                return false;
            }
        });
        await AgreesAsync(auction, [await _stack.BidUntilKnownAsync(auction, "dee", 2_000)]);
    }

    [Fact]
    public async Task The_circuit_is_open_while_Redis_is_suspended_and_closed_when_it_answers_again()
    {
        var auction = await _stack.OpenAsync();
        await _stack.BidAsync(auction, "ann", 500);
        var circuit = _stack.Service.Get<HotStateCircuit>();
        var cents = 600L;
        _stack.Redis.Process.Suspend();
        try
        {
            await Eventually.TrueAsync(async () =>
            {
                await _stack.BidUntilKnownAsync(auction, "bob", cents += 20);
                return circuit.IsOpen;
            });
            await Eventually.TrueAsync(async () =>
                (await HealthAsync(""), await HealthAsync("redis"))
                == (ServingStatus.Serving, ServingStatus.NotServing));
            Assert.Equal(V1.BidOutcome.Leading, (await _stack.BidAsync(auction, "cem", cents + 500)).Outcome);
        }
        finally
        {
            _stack.Redis.Process.Resume();
        }

        await Eventually.TrueAsync(async () =>
        {
            await _stack.BidUntilKnownAsync(auction, "dee", cents += 600);
            return !circuit.IsOpen;
        });
        await AgreesAsync(auction, [await _stack.BidUntilKnownAsync(auction, "eve", cents + 2_000)]);
    }

    [Fact]
    public async Task The_next_bid_appends_what_a_dead_service_left_pending()
    {
        var auction = await _stack.OpenAsync();
        await _stack.BidAsync(auction, "ann", 500);
        var left = await _stack.DecideOnlyAsync(auction, new Bid("bob", Guid.NewGuid(), BidKind.Proxy, "USD", 0, 700));

        var next = await _stack.BidAsync(auction, "cem", 900);

        Assert.Equal(3, next.State.Version);
        Assert.Contains((await _stack.AuditedAsync(auction)).Entries, e => e.Id == left.Id);
    }

    [Fact]
    public async Task Without_more_bids_the_sweep_appends_what_a_dead_service_left_pending()
    {
        var auction = await _stack.OpenAsync();
        await _stack.BidAsync(auction, "ann", 500);
        var left = await _stack.DecideOnlyAsync(auction, new Bid("bob", Guid.NewGuid(), BidKind.Proxy, "USD", 0, 700));

        await Eventually.TrueAsync(
            async () => (await _stack.AuditedAsync(auction)).Entries.Any(e => e.Id == left.Id));
    }

    [Fact]
    public async Task A_forged_decision_that_breaks_the_rules_does_not_reach_the_ledger()
    {
        var (auction, key) = (await _stack.OpenAsync(), Guid.NewGuid());
        await _stack.BidAsync(auction, "ann", 500);
        await _stack.ForgeAsync(
            auction, "mal", key, d => d with { After = d.After with { Price = 110, Ceiling = 1_000_000 } });

        var bob = await _stack.BidAsync(auction, "bob", 800);
        var mal = await _stack.BidAsync(auction, "mal", 700, key);

        Assert.Equal(("bob", Usd(510)), (bob.State.LeaderId, bob.State.CurrentPrice));
        Assert.Equal((V1.BidOutcome.Outbid, "bob"), (mal.Outcome, mal.State.LeaderId));
        await AgreesAsync(auction, [bob, mal]);
    }

    private async Task<ServingStatus> HealthAsync(string service) =>
        (await new Health.HealthClient(_stack.Service.Channel)
            .CheckAsync(new HealthCheckRequest { Service = service })).Status;

    /// <summary>The audit finds nothing, and every acknowledged bid is in the chain as it was answered.</summary>
    private async Task AgreesAsync(Guid auction, IEnumerable<V1.BidResult> answers)
    {
        var record = await _stack.AuditedAsync(auction);
        var entries = record.Entries.ToDictionary(e => e.Id.ToString());
        foreach (var answer in answers.Where(a => a.Outcome != V1.BidOutcome.Rejected))
        {
            var entry = entries[answer.BidId];
            Assert.Equal(entry.Version, answer.State.Version);
            Assert.Equal(Usd(entry.After.Price), answer.State.CurrentPrice);
            Assert.Equal(entry.After.Leader, answer.State.LeaderId);
        }
    }
}
