using Auctions.Benchmarks.Load;
using Auctions.Core;
using Npgsql;

namespace Auctions.Benchmarks.Machine;

/// <summary>
/// Creates auctions in bulk, by SQL. Their terms are the same for every design, and they end in a day.
/// </summary>
internal sealed class AuctionSeeder(NpgsqlDataSource postgres, TimeProvider timeProvider)
{
    private const string Seller = "seller";
    private const long OpenForUs = 86_400_000_000;

    // The ledger's triggers write the opening entries.
    private const string Ours = """
        insert into auctions (seller_id, title, currency, opening, increment, start_us, original_end_us)
        select $2, 'Benchmark', 'USD', $3, $4, $5, $6 from generate_series(1, $1) returning id
        """;

    private const string Peers = """
        insert into peer.auctions (terms, seller, currency, opening, reserve, increment_kind, increment_amount,
          window_us, extension_us, max_extensions, start_us, end_us)
        select $7, $2, 'USD', $3, 0, 'fixed', substr($4, 7)::bigint, 0, 0, 0, $5, $6
        from generate_series(1, $1) returning id
        """;

    public Task<AuctionSet> SeedOursAsync(int count, CancellationToken cancellationToken) =>
        SeedAsync(Ours, count, cancellationToken);

    public Task<AuctionSet> SeedPeersAsync(int count, CancellationToken cancellationToken) =>
        SeedAsync(Peers, count, cancellationToken);

    /// <summary>Empties the peers' tables, so that no design starts with another one's rows.</summary>
    public async Task EmptyPeersAsync(CancellationToken cancellationToken)
    {
        await using var command = postgres.CreateCommand("truncate peer.auctions, peer.bids");
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<AuctionSet> SeedAsync(string sql, int count, CancellationToken cancellationToken)
    {
        var startUs = timeProvider.GetUtcNow().ToMicroseconds() - 1_000_000;
        var increment = new Increment.Fixed(BidMix.Increment);
        var terms = new Terms(Seller, "USD", BidMix.Opening, 0, 0, increment, SoftClose.None, startUs);
        await using var command = postgres.CreateCommand(sql);
        command.CommandTimeout = 300;
        object[] values =
            [count, Seller, BidMix.Opening, increment.ToString(), startUs, startUs + OpenForUs];
        foreach (var value in values) command.Parameters.AddWithValue(value);
        if (sql == Peers) command.Parameters.AddWithValue(terms.Line);
        var ids = new List<Guid>(count);
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken)) ids.Add(rows.GetGuid(0));
        }

        if (count > 10_000) await AnalyzeAsync(cancellationToken);
        return new AuctionSet(ids);
    }

    private async Task AnalyzeAsync(CancellationToken cancellationToken)
    {
        await using var command = postgres.CreateCommand("analyze");
        command.CommandTimeout = 300;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
