using Auctions.Benchmarks.Load;
using Auctions.Benchmarks.Machine;
using Auctions.Core;
using Auctions.Ledger;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Auctions.Benchmarks.Limits;

/// <summary>
/// The ledger alone: bids that were decided beforehand, appended in batches. Each connection has a hot auction of its
/// own.
/// </summary>
internal sealed class AppendLimit(
    BenchStack stack, NpgsqlDataSource postgres, AuctionSeeder seeder, TimeProvider timeProvider)
{
    private const int WarmUpBatches = 10;
    private readonly PostgresLedger _ledger = new(
        LedgerPools.Of(postgres), new LedgerStatements(),
        new RowLocks(LedgerPools.Of(postgres), new LedgerStatements(), timeProvider),
        NullLogger<PostgresLedger>.Instance);

    public async Task<PartResult> RunAsync(int batch, int connections, int rows, CancellationToken cancellationToken)
    {
        var auctions = await seeder.SeedOursAsync(connections, cancellationToken);
        var batches = rows / connections / batch + WarmUpBatches;
        var chains = new List<DecidedBid[][]>();
        foreach (var id in auctions.Ids) chains.Add(await DecideAsync(id, batch, batches, cancellationToken));
        await Task.WhenAll(chains.Select(c => AppendAsync(c[..WarmUpBatches], cancellationToken)));

        var (began, server, self) = (timeProvider.GetTimestamp(), ServerCpu(), ProcessCpu.OfSelf());
        await Task.WhenAll(chains.Select(c => AppendAsync(c[WarmUpBatches..], cancellationToken)));
        var elapsedS = timeProvider.GetElapsedTime(began).TotalSeconds;
        var count = chains.Sum(c => c.Length - WarmUpBatches) * batch;
        return new PartResult("append", batch, connections, count / elapsedS, (ServerCpu() - server) * 1e6 / count,
            (ProcessCpu.OfSelf() - self) * 1e6 / count);

        double ServerCpu() => stack.CpuSeconds([BenchStack.Postgres])[BenchStack.Postgres];
    }

    private async Task<DecidedBid[][]> DecideAsync(
        Guid auctionId, int batch, int batches, CancellationToken cancellationToken)
    {
        var head = await _ledger.ReadHeadAsync(auctionId, cancellationToken)
            ?? throw new InvalidOperationException($"There is no auction {auctionId}.");
        var sequence = new BidSequence(batch, duplicates: false);
        var nowUs = timeProvider.GetUtcNow().ToMicroseconds();
        var decidedBids = new DecidedBid[batches][];
        for (var b = 0; b < batches; b++)
        {
            decidedBids[b] = new DecidedBid[batch];
            for (var i = 0; i < batch; i++)
            {
                var id = Guid.CreateVersion7(timeProvider.GetUtcNow());
                var decided = decidedBids[b][i] = DecidedBid.Decide(auctionId, head, id, sequence.Next(), nowUs++);
                head = head.After(decided);
            }
        }

        return decidedBids;
    }

    private async Task AppendAsync(DecidedBid[][] batches, CancellationToken cancellationToken)
    {
        foreach (var batch in batches)
        {
            var fresh = Enumerable.Repeat(true, batch.Length).ToArray();
            var results = await _ledger.AppendAsync(batch, fresh, agesUs: [], cancellationToken);
            if (results.Any(r => r.Outcome != AppendOutcome.Appended))
                throw new InvalidOperationException("The ledger did not append a bid.");
        }
    }
}

/// <summary>Bids on one auction in the shares of <see cref="BidMix"/>, for measurements without a network.</summary>
internal sealed class BidSequence(int seed, bool duplicates = true)
{
    private const int Bidders = 2_000;
    private readonly Random _random = new(seed);
    private long _offered = BidMix.Opening;
    private Bid? _last;

    public Bid Next()
    {
        var draw = _random.NextDouble();
        if (duplicates && draw < BidMix.Duplicate && _last is not null) return _last;
        var (kind, amount, max) = (BidKind.Direct, 1L, 0L);
        if (draw >= BidMix.Duplicate + BidMix.Losing || _last is null)
        {
            _offered += BidMix.Increment * _random.Next(1, 4);
            (kind, amount, max) =
                _random.Next(2) == 0 ? (BidKind.Direct, _offered, 0) : (BidKind.Proxy, 0L, _offered);
        }

        return _last = new Bid($"bidder-{_random.Next(Bidders)}", NewId(), kind, "USD", amount, max);
    }

    /// <summary>A bid like those of redis-benchmark: any amount up to a billion.</summary>
    public Bid NextRandom() => new("bidder", NewId(), BidKind.Direct, "USD", _random.NextInt64(1, 1_000_000_000), 0);

    public Guid NewId()
    {
        Span<byte> bytes = stackalloc byte[16];
        _random.NextBytes(bytes);
        return new Guid(bytes);
    }

    public static Terms Terms(long startUs) => new(
        "seller", "USD", BidMix.Opening, 0, 0, new Increment.Fixed(BidMix.Increment), SoftClose.None, startUs);
}
