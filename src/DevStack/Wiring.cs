namespace DevStack;

/// <summary>Where a stack differs from the plain one: how many there are of a part, and at which addresses parts look for each other.</summary>
public sealed record Wiring
{
    /// <summary>The names of the instances of BiddingService.</summary>
    public IReadOnlyList<string> Bidding { get; init; } = ["bidding"];

    /// <summary>The names of the Redis servers, each with data of its own. Services that are not told otherwise use the first.</summary>
    public IReadOnlyList<string> Redis { get; init; } = ["redis"];

    /// <summary>Where a part finds Redis, <c>host:port</c>; null: where it is.</summary>
    public Func<string, string?> RedisOf { get; init; } = _ => null;

    /// <summary>Where a part finds Postgres, <c>host:port</c>; null: where it is.</summary>
    public Func<string, string?> PostgresOf { get; init; } = _ => null;
}
