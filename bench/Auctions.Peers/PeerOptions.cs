using Auctions.Grpc;
using Auctions.Hosting;

namespace Auctions.Peers;

/// <summary>The names of the designs, as settings and reports use them.</summary>
internal static class PeerDesigns
{
    public const string ForUpdate = "for_update", ForUpdateBatched = "for_update_batched", PlPgSql = "plpgsql", RedisLock = "redis_lock", Echo = "echo";

    public static readonly string[] All = [ForUpdate, ForUpdateBatched, PlPgSql, RedisLock, Echo];
}

/// <summary>Section <c>Peer</c> of the configuration.</summary>
internal sealed class PeerOptions : ISectionOptions
{
    public static string Section => "Peer";

    /// <summary>One of <see cref="PeerDesigns"/>.</summary>
    public string Design { get; set; } = "";

    public IEnumerable<string> Failures()
    {
        if (!PeerDesigns.All.Contains(Design))
            yield return $"Peer:Design must be one of {string.Join(", ", PeerDesigns.All)}, and is '{Design}'.";
    }
}
