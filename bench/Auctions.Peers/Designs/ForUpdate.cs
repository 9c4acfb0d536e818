using Auctions.Core;
using BiddingService;
using Npgsql;

namespace Auctions.Peers.Designs;

/// <summary>
/// A transaction a bid, in two round trips: lock the auction's row and look for the key; decide; write and commit. BEGIN travels
/// with the first, COMMIT with the second, so the row stays locked for one round trip and one fsync.
/// </summary>
internal sealed class ForUpdate(NpgsqlDataSource source, TimeProvider time) : IPeerDesign
{
    private const string Lock = "select terms, status, price, ceiling, leader, end_us, extensions, bid_count, version "
        + "from peer.auctions where id = $1 for update";

    // After the lock, as a statement of its own: its snapshot sees what the last holder wrote.
    private const string Find = $"select {BidRows.Columns} from peer.bids where auction_id = $1 and bidder = $2 and key = $3";

    private const string Insert = $"insert into peer.bids ({BidRows.Columns}) values "
        + "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";

    private const string Update = "update peer.auctions set version = $2, status = $3, price = $4, ceiling = $5, leader = $6, end_us = $7, "
        + "extensions = $8, bid_count = $9 where id = $1";

    public async Task<BidAnswer> PlaceAsync(Guid auctionId, Bid bid, CancellationToken cancellation)
    {
        // Given back in the middle of a transaction, the pool rolls it back.
        await using var connection = await source.OpenConnectionAsync(cancellation);
        var (head, answered) = await LockAsync(connection, auctionId, bid, cancellation);
        if (answered is not null)
        {
            await using var rollback = new NpgsqlCommand("rollback", connection);
            await rollback.ExecuteNonQueryAsync(cancellation);
            return new BidAnswer(answered, head.Terms, Replayed: true);
        }

        var now = time.GetUtcNow();
        var decided = DecidedBid.Decide(auctionId, head, Guid.CreateVersion7(now), bid, now.ToMicroseconds());
        await WriteAsync(connection, decided, cancellation);
        return new BidAnswer(decided, head.Terms, Replayed: false);
    }

    private static async Task<(Head Head, DecidedBid? Answered)> LockAsync(
        NpgsqlConnection connection, Guid auctionId, Bid bid, CancellationToken cancellation)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand("begin"),
                new NpgsqlBatchCommand(Lock) { Parameters = { Value(auctionId) } },
                new NpgsqlBatchCommand(Find) { Parameters = { Value(auctionId), Value(bid.Bidder), Value(bid.Key) } },
            },
        };
        await using var row = await batch.ExecuteReaderAsync(cancellation);
        if (!await row.ReadAsync(cancellation)) throw new AuctionNotFoundException(auctionId);
        var head = new Head(row.GetInt64(8), Guid.Empty, BidRows.ParseTerms(row.GetString(0)), BidRows.ReadState(row, 1));
        await row.NextResultAsync(cancellation);
        return (head, await row.ReadAsync(cancellation) ? BidRows.ReadBid(row, 0) : null);
    }

    private static async Task WriteAsync(NpgsqlConnection connection, DecidedBid decided, CancellationToken cancellation)
    {
        var (bid, after) = (decided.Bid, decided.After);
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Insert)
        {
            Parameters =
            {
                Value(decided.AuctionId), Value(decided.Id), Value(decided.Version), Value(bid.Bidder), Value(bid.Key),
                Value(Words.Of(bid.Kind)), Value(bid.Currency), Value(bid.Amount), Value(bid.Max), Value(Words.Of(decided.Outcome)),
                Value(Words.Of(decided.Reason)), Value(decided.DecidedUs), Value(Words.Of(after.Status)), Value(after.Price),
                Value(after.Ceiling), Value(after.Leader), Value(after.EndUs), Value(after.Extensions), Value(after.BidCount),
            },
        });
        if (decided.Accepted)
        {
            batch.BatchCommands.Add(new NpgsqlBatchCommand(Update)
            {
                Parameters =
                {
                    Value(decided.AuctionId), Value(decided.Version), Value(Words.Of(after.Status)), Value(after.Price), Value(after.Ceiling),
                    Value(after.Leader), Value(after.EndUs), Value(after.Extensions), Value(after.BidCount),
                },
            });
        }

        batch.BatchCommands.Add(new NpgsqlBatchCommand("commit"));
        await batch.ExecuteNonQueryAsync(cancellation);
    }

    private static NpgsqlParameter<T> Value<T>(T value) => new() { TypedValue = value };
}
