using Auctions.Core;
using BiddingService;
using Npgsql;

namespace Auctions.Peers.Designs;

/// <summary>
/// A transaction a bid: lock the auction's row, look for the key, decide, insert, update, commit. Statement by statement, as it is mostly written
/// (BEGIN travels with the first, as Npgsql has it); or batched, in two round trips, so that the row stays locked for one of them and one fsync.
/// </summary>
internal sealed class ForUpdate(NpgsqlDataSource source, bool batched, TimeProvider timeProvider) : IPeerDesign
{
    private const string Lock = "select terms, status, price, ceiling, leader, end_us, extensions, bid_count, version "
        + "from peer.auctions where id = $1 for update";

    // After the lock, as a statement of its own: its snapshot sees what the last holder wrote.
    private const string Find = $"select {BidRows.Columns} from peer.bids where auction_id = $1 and bidder = $2 and key = $3";

    private const string Insert = $"insert into peer.bids ({BidRows.Columns}) values "
        + "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";

    private const string Update = "update peer.auctions set version = $2, status = $3, price = $4, ceiling = $5, leader = $6, end_us = $7, "
        + "extensions = $8, bid_count = $9 where id = $1";

    public async Task<BidAnswer> PlaceAsync(Guid auctionId, Bid bid, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        // Disposed of before its commit, it rolls back.
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var (head, answered) = await LockAsync(connection, auctionId, bid, cancellationToken);
        if (answered is not null) return new BidAnswer(answered, head.Terms, Replayed: true);

        var now = timeProvider.GetUtcNow();
        var decided = DecidedBid.Decide(auctionId, head, Guid.CreateVersion7(now), bid, now.ToMicroseconds());
        await WriteAsync(connection, decided, cancellationToken);
        if (!batched) await transaction.CommitAsync(cancellationToken);
        return new BidAnswer(decided, head.Terms, Replayed: false);
    }

    private async Task<(Head Head, DecidedBid? Answered)> LockAsync(
        NpgsqlConnection connection, Guid auctionId, Bid bid, CancellationToken cancellationToken)
    {
        NpgsqlBatchCommand[] statements =
        [
            new(Lock) { Parameters = { Value(auctionId) } },
            new(Find) { Parameters = { Value(auctionId), Value(bid.Bidder), Value(bid.Key) } },
        ];
        Head? head = null;
        foreach (var trip in Trips(statements))
        {
            await using var batch = Batch(connection, trip);
            await using var row = await batch.ExecuteReaderAsync(cancellationToken);
            if (head is null)
            {
                if (!await row.ReadAsync(cancellationToken)) throw new AuctionNotFoundException(auctionId);
                head = new Head(row.GetInt64(8), Guid.Empty, BidRows.ParseTerms(row.GetString(0)), BidRows.ReadState(row, 1));
                if (!await row.NextResultAsync(cancellationToken)) continue;
            }

            if (await row.ReadAsync(cancellationToken)) return (head, BidRows.ReadBid(row, 0));
        }

        return (head!, null);
    }

    private async Task WriteAsync(NpgsqlConnection connection, DecidedBid decided, CancellationToken cancellationToken)
    {
        var statements = new List<NpgsqlBatchCommand> { InsertOf(decided) };
        if (decided.Accepted) statements.Add(UpdateOf(decided));
        if (batched) statements.Add(new NpgsqlBatchCommand("commit"));
        foreach (var trip in Trips(statements))
        {
            await using var batch = Batch(connection, trip);
            await batch.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private IEnumerable<IEnumerable<NpgsqlBatchCommand>> Trips(IReadOnlyCollection<NpgsqlBatchCommand> statements) =>
        batched ? [statements] : statements.Select(s => (IEnumerable<NpgsqlBatchCommand>)[s]);

    private static NpgsqlBatch Batch(NpgsqlConnection connection, IEnumerable<NpgsqlBatchCommand> statements)
    {
        var batch = new NpgsqlBatch(connection);
        foreach (var statement in statements) batch.BatchCommands.Add(statement);
        return batch;
    }

    private static NpgsqlBatchCommand InsertOf(DecidedBid decided)
    {
        var (bid, after) = (decided.Bid, decided.After);
        return new NpgsqlBatchCommand(Insert)
        {
            Parameters =
            {
                Value(decided.AuctionId), Value(decided.Id), Value(decided.Version), Value(bid.Bidder), Value(bid.Key),
                Value(EnumText.Of(bid.Kind)), Value(bid.Currency), Value(bid.Amount), Value(bid.Max), Value(EnumText.Of(decided.Outcome)),
                Value(EnumText.Of(decided.Reason)), Value(decided.DecidedUs), Value(EnumText.Of(after.Status)), Value(after.Price),
                Value(after.Ceiling), Value(after.Leader), Value(after.EndUs), Value(after.Extensions), Value(after.BidCount),
            },
        };
    }

    private static NpgsqlBatchCommand UpdateOf(DecidedBid decided)
    {
        var after = decided.After;
        return new NpgsqlBatchCommand(Update)
        {
            Parameters =
            {
                Value(decided.AuctionId), Value(decided.Version), Value(EnumText.Of(after.Status)), Value(after.Price), Value(after.Ceiling),
                Value(after.Leader), Value(after.EndUs), Value(after.Extensions), Value(after.BidCount),
            },
        };
    }

    private static NpgsqlParameter<T> Value<T>(T value) => new() { TypedValue = value };
}
