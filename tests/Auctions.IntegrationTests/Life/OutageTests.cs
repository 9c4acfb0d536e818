using V1 = Auctions.V1;

namespace Auctions.IntegrationTests.Life;

/// <summary>Servers that go and come back: each test has its own.</summary>
public sealed class OutageTests : IAsyncLifetime
{
    private readonly LifeServers _servers = new();

    public Task InitializeAsync() => _servers.InitializeAsync();

    public Task DisposeAsync() => _servers.DisposeAsync();

    [Fact]
    public async Task Without_Redis_auctions_are_created_and_sealed_all_the_same()
    {
        await using var host = await LifeHost.StartAsync(_servers);
        var auction = await host.CreateAsync(a => a.OriginalEndTime = LifeHost.In(TimeSpan.FromSeconds(4)));
        await host.BidAsync(auction, "ann", 20_00);
        await _servers.Redis.Process.KillAsync();

        var other = await host.CreateAsync(a => a.OriginalEndTime = LifeHost.In(TimeSpan.FromSeconds(2)));
        Assert.Equal("ann", (await host.EndedAsync(auction)).WinnerId);
        Assert.Equal("", (await host.EndedAsync(other)).WinnerId);
        await _servers.Redis.StartAsync();
    }

    [Fact]
    public async Task What_came_due_while_Postgres_was_gone_is_sealed_when_it_is_back()
    {
        await using var host = await LifeHost.StartAsync(_servers);
        var auctions = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => host.CreateAsync(a => a.OriginalEndTime = LifeHost.In(TimeSpan.FromSeconds(2)))));
        await _servers.Postgres.Process.KillAsync();
        var endUs = LifeHost.NowUs + 2_000_000;
        await Eventually.TrueAsync(() => Task.FromResult(LifeHost.NowUs > endUs));
        await _servers.Postgres.StartAsync();

        foreach (var auction in auctions) await EndedAsync(host, auction);
        Assert.Equal(10, await host.CountAsync("select count(*) from ledger where kind = 'sealed'"));

        // Quartz comes back too, and is of use again.
        var next = await host.CreateAsync(a => a.OriginalEndTime = LifeHost.In(TimeSpan.FromSeconds(1.5)));
        await host.EndedAsync(next);
    }

    /// <summary>The first calls after the outage may still meet a dead connection.</summary>
    private static Task EndedAsync(LifeHost host, V1.Auction auction) => Eventually.TrueAsync(async () =>
    {
        try
        {
            return (await host.GetAsync(auction)).State.Status == V1.AuctionStatus.Ended;
        }
        catch (global::Grpc.Core.RpcException e) when (e.StatusCode == global::Grpc.Core.StatusCode.Unavailable)
        {
            return false;
        }
    });
}
