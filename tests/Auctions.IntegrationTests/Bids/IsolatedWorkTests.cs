using Auctions.Core;
using Auctions.Grpc;
using Auctions.HotState;
using Auctions.Ledger;
using Grpc.Core;
using Grpc.Health.V1;
using Npgsql;

namespace Auctions.IntegrationTests.Bids;

/// <summary>Kinds of work that have connections, or a place in a batch, of their own.</summary>
public sealed class IsolatedWorkTests : IAsyncLifetime
{
    private BiddingStack _stack = null!;

    public async Task InitializeAsync() => _stack = await BiddingStack.StartAsync();

    public async Task DisposeAsync() => await _stack.DisposeAsync();

    [Fact]
    public async Task Bids_and_probes_do_not_need_the_connections_that_callers_use_for_reads()
    {
        var auction = await _stack.OpenAsync();
        var held = new List<NpgsqlConnection>();
        try
        {
            for (var i = 0; i < new PoolSizes().Reads; i++)
                held.Add(await _stack.Service.Get<LedgerPools>().Reads.OpenConnectionAsync());

            Assert.Equal(V1.BidOutcome.Leading, (await _stack.BidAsync(auction, "ann", 500)).Outcome);
            await _stack.FlushRedisAsync();
            Assert.Equal(V1.BidOutcome.Leading, (await _stack.BidAsync(auction, "bob", 900)).Outcome);
            var health = await new Health.HealthClient(_stack.Service.Channel).CheckAsync(new HealthCheckRequest());
            Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);
        }
        finally
        {
            foreach (var connection in held) await connection.DisposeAsync();
        }
    }

    /// <summary>More auctions than a batch takes. One of them has a row that cannot be read.</summary>
    [Fact]
    public async Task After_a_loss_of_Redis_an_auction_that_cannot_be_read_keeps_no_other_from_being_hydrated()
    {
        var auctions = new List<Guid>();
        for (var i = 0; i < 150; i++) auctions.Add(await _stack.OpenAsync());
        await _stack.DamageAsync(auctions[70], "increment = 'bps:20000'");
        await _stack.FlushRedisAsync();

        var heads = await Task.WhenAll(auctions.Select(HydrateAsync));

        Assert.Null(heads[70]);
        Assert.Equal(auctions.Count - 1, heads.Count(h => h is not null));
    }

    [Fact]
    public async Task Bids_on_a_missing_auction_fail_and_one_that_is_created_takes_bids()
    {
        var missing = Guid.CreateVersion7();
        var faults = await Task.WhenAll(Enumerable.Range(0, 50).Select(i =>
            Assert.ThrowsAsync<RpcException>(() => _stack.BidAsync(missing, $"b{i}", 500))));

        Assert.All(faults, f => Assert.Equal("AUCTION_NOT_FOUND", RpcErrors.Reason(f)));
        Assert.False(_stack.Service.Get<HotStateCircuit>().IsOpen);
        var auction = await _stack.OpenAsync();
        Assert.Equal(V1.BidOutcome.Leading, (await _stack.BidAsync(auction, "ann", 500)).Outcome);
    }

    private async Task<Head?> HydrateAsync(Guid auction)
    {
        try
        {
            return await _stack.Service.Get<Recovery>().HydrateAsync(auction, CancellationToken.None);
        }
        catch (UnreadableAuctionException)
        {
            return null;
        }
    }
}
