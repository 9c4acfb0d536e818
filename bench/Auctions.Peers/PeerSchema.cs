namespace Auctions.Peers;

/// <summary>The peers' tables and the function of the one that decides in Postgres.</summary>
internal static class PeerSchema
{
    /// <summary>Makes everything anew, and forgets what was there.</summary>
    public static string Sql { get; } = Read("schema.sql") + Read("place_bid.sql");

    private static string Read(string name)
    {
        using var stream = typeof(PeerSchema).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The assembly holds no {name}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
