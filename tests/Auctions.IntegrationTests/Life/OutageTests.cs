using Auctions.IntegrationTests.Servers;

namespace Auctions.IntegrationTests.Life;

/// <summary>Servers fail and recover. Each test has its own.</summary>
public sealed class OutageTests : IAsyncLifetime
{
    private readonly TestServers _servers = new();

    public Task InitializeAsync() => _servers.InitializeAsync();

    public Task DisposeAsync() => _servers.DisposeAsync();

    [Fact]
    public async Task Without_Redis_auctions_are_created_and_sealed()
    {
        await using var stack = await AuctionStack.StartAsync(_servers);
        var auction = await stack.CreateAsync();
        await stack.BidAsync(auction, "ann", 20_00);
        await _servers.Redis.Process.KillAsync();

        var other = await stack.CreateAsync();
        await stack.EndSoonAsync();
        Assert.Equal("ann", (await stack.EndedAsync(auction)).WinnerId);
        Assert.Equal("", (await stack.EndedAsync(other)).WinnerId);
        await _servers.Redis.StartAsync();
    }

    [Fact]
    public async Task Auctions_that_came_due_while_Postgres_was_down_are_sealed_when_it_is_back()
    {
        await using var stack = await AuctionStack.StartAsync(_servers);
        var auctions = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => stack.CreateAsync()));
        var endUs = await stack.EndSoonAsync();
        await _servers.Postgres.Process.KillAsync();
        await Eventually.TrueAsync(() => TestStack.NowUs > endUs);
        await _servers.Postgres.StartAsync();

        foreach (var auction in auctions) await stack.EndedAsync(auction);
        Assert.Equal(10, await stack.CountAsync("select count(*) from ledger where kind = 'sealed'"));

        // Quartz has recovered too, and starts a wave.
        var another = await stack.CreateAsync();
        await stack.EndSoonAsync();
        await stack.EndedAsync(another);
    }
}
