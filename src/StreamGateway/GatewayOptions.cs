using Auctions.Grpc;
using Auctions.Hosting;

namespace StreamGateway;

/// <summary>The configuration section <c>Gateway</c>.</summary>
public sealed class GatewayOptions : ISectionOptions
{
    public static string Section => "Gateway";

    /// <summary>Milliseconds: an auction gets at most one frame in this time, however often it changes.</summary>
    public int CoalesceMs { get; set; } = 50;

    /// <summary>Streams at a time; more are RESOURCE_EXHAUSTED. A quiet one takes some 40 KB.</summary>
    public int MaxStreams { get; set; } = 20_000;

    /// <summary>Milliseconds past its end after which an auction that has not been seen to end is read from Postgres.</summary>
    public int OverdueMs { get; set; } = 2_000;

    public IEnumerable<string> Failures()
    {
        if (CoalesceMs is < 1 or > 5_000) yield return $"Gateway:CoalesceMs must be 1 to 5000, and is {CoalesceMs}.";
        if (MaxStreams is < 1 or > 1_000_000) yield return $"Gateway:MaxStreams must be 1 to 1000000, and is {MaxStreams}.";
        if (OverdueMs is < 100 or > 600_000) yield return $"Gateway:OverdueMs must be 100 to 600000, and is {OverdueMs}.";
    }
}
