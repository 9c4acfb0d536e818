using Auctions.Core;
using Npgsql;

namespace StreamGateway;

/// <summary>Reads from Postgres what the feed tells of an auction, and nothing more.</summary>
internal sealed class PublicAuctionQuery(NpgsqlDataSource postgres)
{
    private const string Sql = """
        select id, version, status, currency, opening, increment, price, leader, end_us, extensions, bid_count, reserve_met,
               winner, end_reason
          from auctions
         where id = any($1)
        """;

    /// <exception cref="NpgsqlException">Postgres did not answer.</exception>
    public async Task<IReadOnlyList<PublicAuction>> ReadAsync(Guid[] ids)
    {
        await using var command = postgres.CreateCommand(Sql);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = ids });
        await using var rows = await command.ExecuteReaderAsync();
        var auctions = new List<PublicAuction>(ids.Length);
        while (await rows.ReadAsync()) auctions.Add(Row(rows));
        return auctions;
    }

    private static PublicAuction Row(NpgsqlDataReader row) => new()
    {
        Id = row.GetGuid(0),
        Version = row.GetInt64(1),
        Status = EnumText.Parse<AuctionStatus>(row.GetString(2)),
        Currency = row.GetString(3),
        Opening = row.GetInt64(4),
        Increment = Increment.Parse(row.GetString(5)),
        Price = row.GetInt64(6),
        Leader = row.GetString(7),
        EndUs = row.GetInt64(8),
        Extensions = row.GetInt32(9),
        BidCount = row.GetInt64(10),
        ReserveMet = row.GetBoolean(11),
        Winner = row.GetString(12),
        EndReason = EnumText.Parse<EndReason>(row.GetString(13)),
    };
}
