using Auctions.Core;
using BiddingService;
using Npgsql;

namespace Auctions.Peers.Designs;

/// <summary>One call a bid: the function decides under the row's lock, and its statement is its transaction.</summary>
internal sealed class PlPgSql(NpgsqlDataSource source, TimeProvider timeProvider) : IPeerDesign
{
    private const string Call =
        $"select r.terms, r.replayed, (r.bid).* from peer.place_bid($1, $2, $3, $4, $5, $6, $7, $8) r";

    public async Task<BidAnswer> PlaceAsync(Guid auctionId, Bid bid, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(Call, connection);
        var p = command.Parameters;
        p.Add(new NpgsqlParameter<Guid> { TypedValue = auctionId });
        p.Add(new NpgsqlParameter<Guid> { TypedValue = Guid.CreateVersion7(timeProvider.GetUtcNow()) });
        p.Add(new NpgsqlParameter<string> { TypedValue = bid.Bidder });
        p.Add(new NpgsqlParameter<Guid> { TypedValue = bid.Key });
        p.Add(new NpgsqlParameter<string> { TypedValue = EnumText.Of(bid.Kind) });
        p.Add(new NpgsqlParameter<string> { TypedValue = bid.Currency });
        p.Add(new NpgsqlParameter<long> { TypedValue = bid.Amount });
        p.Add(new NpgsqlParameter<long> { TypedValue = bid.Max });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        if (!await row.ReadAsync(cancellationToken) || row.IsDBNull(0)) throw new AuctionNotFoundException(auctionId);
        var answer = new BidAnswer(BidRows.ReadBid(row, 2), BidRows.ParseTerms(row.GetString(0)), row.GetBoolean(1));

        // Past the row comes the server's word that it committed.
        await row.ReadAsync(cancellationToken);
        return answer;
    }
}
