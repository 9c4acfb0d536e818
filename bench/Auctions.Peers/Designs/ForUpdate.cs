using System.Collections.Concurrent;
using Auctions.Core;
using BiddingService;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Peers.Designs;

/// <summary>
/// One transaction for each bid: lock the auction's row, look up the key, decide, insert, update, commit. Either one
/// statement after another, as it is usually written (Npgsql sends BEGIN with the first one), or batched in two round
/// trips, so that the row stays locked for only one round trip and one fsync.
/// </summary>
internal sealed class ForUpdate(NpgsqlDataSource source, bool batched, TimeProvider timeProvider) : IPeerDesign
{
    private const string Lock =
        "select terms, status, price, ceiling, leader, end_us, extensions, bid_count, version "
        + "from peer.auctions where id = $1 for update";

    // A separate statement after the lock, so that its snapshot sees what the last lock holder wrote.
    private const string Find =
        $"select {BidRows.Columns} from peer.bids where auction_id = $1 and bidder = $2 and key = $3";

    private const string Insert = $"insert into peer.bids ({BidRows.Columns}) values "
        + "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";

    private const string Update =
        "update peer.auctions set version = $2, status = $3, price = $4, ceiling = $5, leader = $6, end_us = $7, "
        + "extensions = $8, bid_count = $9 where id = $1";

    public async Task<BidAnswer> PlaceAsync(Guid auctionId, Bid bid, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        // Disposing it before the commit rolls it back.
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
        foreach (var roundTrip in RoundTrips(statements))
        {
            await using var batch = Batch(connection, roundTrip);
            await using var row = await batch.ExecuteReaderAsync(cancellationToken);
            if (head is null)
            {
                if (!await row.ReadAsync(cancellationToken)) throw new AuctionNotFoundException(auctionId);
                var terms = BidRows.ParseTerms(row.GetString(0));
                head = new Head(row.GetInt64(8), Guid.Empty, terms, BidRows.ReadState(row, 1), DecidedUs: 0);
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
        foreach (var roundTrip in RoundTrips(statements))
        {
            await using var batch = Batch(connection, roundTrip);
            await batch.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private IEnumerable<IEnumerable<NpgsqlBatchCommand>> RoundTrips(
        IReadOnlyCollection<NpgsqlBatchCommand> statements) =>
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
                Value(EnumText.Of(bid.Kind)), Value(bid.Currency), Value(bid.Amount), Value(bid.Max),
                Value(EnumText.Of(decided.Outcome)), Value(EnumText.Of(decided.Reason)), Value(decided.DecidedUs),
                Value(EnumText.Of(after.Status)), Value(after.Price), Value(after.Ceiling), Value(after.Leader),
                Value(after.EndUs), Value(after.Extensions), Value(after.BidCount),
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
                Value(decided.AuctionId), Value(decided.Version), Value(EnumText.Of(after.Status)), Value(after.Price),
                Value(after.Ceiling), Value(after.Leader), Value(after.EndUs), Value(after.Extensions),
                Value(after.BidCount),
            },
        };
    }

    private static NpgsqlParameter<T> Value<T>(T value) => new() { TypedValue = value };
}

/// <summary>
/// A lock in Redis around the transaction of <see cref="ForUpdate"/>: SET NX PX with a token, released by a script that
/// compares the token. The callers of one process wait in a queue of the process, so that only one of them at a time
/// asks Redis. While another process holds the lock, that one asks again after short, growing pauses. A lock in Redis
/// may expire while it is held, so the transaction still locks the row: without contention that costs nothing.
/// </summary>
internal sealed class RedisLock(IDatabase redis, ForUpdate transaction, TimeProvider timeProvider) : IPeerDesign
{
    private const string Release =
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

    private static readonly TimeSpan HeldMax = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(1), PauseMax = TimeSpan.FromMilliseconds(20);
    private readonly ConcurrentDictionary<Guid, SemaphoreSlim> _queues = new();

    public async Task<BidAnswer> PlaceAsync(Guid auctionId, Bid bid, CancellationToken cancellationToken)
    {
        var queue = _queues.GetOrAdd(auctionId, _ => new SemaphoreSlim(1));
        await queue.WaitAsync(cancellationToken);
        try
        {
            RedisKey key = $"lock:{auctionId}";
            RedisValue token = Guid.CreateVersion7(timeProvider.GetUtcNow()).ToByteArray();
            for (var pause = PauseMin;
                !await redis.StringSetAsync(key, token, HeldMax, When.NotExists);
                pause = pause * 2 < PauseMax ? pause * 2 : PauseMax)
            {
                await Task.Delay(pause, timeProvider, cancellationToken);
            }

            try
            {
                return await transaction.PlaceAsync(auctionId, bid, cancellationToken);
            }
            finally
            {
                await redis.ScriptEvaluateAsync(Release, [key], [token]);
            }
        }
        finally
        {
            queue.Release();
        }
    }
}
