using Auctions.IntegrationTests.Servers;

namespace Auctions.IntegrationTests.Life;

/// <summary>A Postgres and a Redis for the tests of AuctionService. Each test has a database of its own.</summary>
public sealed class LifeServers : IAsyncLifetime
{
    public PostgresServer Postgres { get; } = new();

    public RedisServer Redis { get; } = new();

    public Task InitializeAsync() => Task.WhenAll(Postgres.InitializeAsync(), Redis.InitializeAsync());

    public async Task DisposeAsync()
    {
        await Postgres.DisposeAsync();
        await Redis.DisposeAsync();
    }
}

/// <summary>Tests that share these servers and leave them running.</summary>
[CollectionDefinition(Name)]
public sealed class LifeCollection : ICollectionFixture<LifeServers>
{
    public const string Name = "life";
}

/// <summary>One AuctionService for the tests of a class that do not care who else creates auctions. The guard alone closes: that is quicker to set up.</summary>
public sealed class LifeFixture(LifeServers servers) : IAsyncLifetime
{
    internal LifeHost Host { get; private set; } = null!;

    public async Task InitializeAsync() =>
        Host = await LifeHost.StartAsync(servers, "--Auction:Waves=false", "--Auction:IncrementTables:steep=0=100,10000=1000");

    public async Task DisposeAsync() => await Host.DisposeAsync();
}
