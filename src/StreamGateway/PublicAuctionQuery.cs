using Npgsql;

namespace StreamGateway;

/// <summary>Reads from Postgres what the events tell of an auction, as they tell it: one mapping serves both.</summary>
internal sealed class PublicAuctionQuery(NpgsqlDataSource postgres)
{
    /// <summary>The columns that the publication has, and no other: a ceiling or a reserve never gets here.</summary>
    private const string Sql = """
        select row_to_json(published)::text
          from (select id, version, status, currency, opening, increment, price, leader, end_us, extensions, bid_count,
                       reserve_met, winner, end_reason
                  from auctions where id = any($1)) published
        """;

    /// <exception cref="NpgsqlException">Postgres did not answer.</exception>
    public async Task<IReadOnlyList<PublicAuction>> ReadAsync(Guid[] ids)
    {
        await using var command = postgres.CreateCommand(Sql);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = ids });
        await using var rows = await command.ExecuteReaderAsync();
        var auctions = new List<PublicAuction>(ids.Length);
        while (await rows.ReadAsync()) auctions.Add(PublicAuction.Of(rows.GetFieldValue<byte[]>(0)));
        return auctions;
    }
}
