namespace Auctions.IntegrationTests.Servers;

/// <summary>Test classes that share one Postgres; each makes databases of its own in it.</summary>
[CollectionDefinition(Name)]
public sealed class PostgresCollection : ICollectionFixture<PostgresServer>
{
    public const string Name = "postgres";
}

/// <summary>Test classes that share one Redis; each uses auctions of its own.</summary>
[CollectionDefinition(Name)]
public sealed class RedisCollection : ICollectionFixture<RedisServer>
{
    public const string Name = "redis";
}
