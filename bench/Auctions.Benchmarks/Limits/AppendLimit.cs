using Auctions.Benchmarks.Machine;
using Auctions.Core;
using Auctions.Ledger;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Auctions.Benchmarks.Limits;

/// <summary>The ledger alone: decided bids, made beforehand, appended in batches; a hot auction for each connection.</summary>
internal sealed class AppendLimit(BenchStack stack, NpgsqlDataSource postgres, AuctionMaker maker, TimeProvider timeProvider)
{
    private const int WarmUpBatches = 10;
    private readonly PostgresLedger _ledger = new(postgres, new LedgerStatements(), NullLogger<PostgresLedger>.Instance);

    public async Task<Measured> RunAsync(string what, int batch, int connections, int rows, CancellationToken cancellationToken)
    {
        var field = await maker.OursAsync(connections, cancellationToken);
        var chains = new List<DecidedBid[][]>();
        foreach (var id in field.Auctions) chains.Add(await DecideAsync(id, batch, rows / connections / batch + WarmUpBatches, cancellationToken));
        await Task.WhenAll(chains.Select(c => AppendAsync(c[..WarmUpBatches], cancellationToken)));

        var (began, server, self) = (timeProvider.GetTimestamp(), ServerCpu(), ProcessCpu.OfSelf());
        await Task.WhenAll(chains.Select(c => AppendAsync(c[WarmUpBatches..], cancellationToken)));
        var (elapsed, count) = (timeProvider.GetElapsedTime(began).TotalSeconds, chains.Sum(c => c.Length - WarmUpBatches) * batch);
        return new Measured(what, batch, connections, count / elapsed, (ServerCpu() - server) * 1e6 / count, (ProcessCpu.OfSelf() - self) * 1e6 / count);

        double ServerCpu() => stack.CpuSeconds([BenchStack.Postgres])[BenchStack.Postgres];
    }

    private async Task<DecidedBid[][]> DecideAsync(Guid auctionId, int batch, int batches, CancellationToken cancellationToken)
    {
        var head = await _ledger.ReadHeadAsync(auctionId, cancellationToken) ?? throw new InvalidOperationException($"There is no auction {auctionId}.");
        var stock = new BidStock(batch, duplicates: false);
        var nowUs = timeProvider.GetUtcNow().ToMicroseconds();
        var made = new DecidedBid[batches][];
        for (var b = 0; b < batches; b++)
        {
            made[b] = new DecidedBid[batch];
            for (var i = 0; i < batch; i++)
            {
                var decided = made[b][i] = DecidedBid.Decide(auctionId, head, Guid.CreateVersion7(timeProvider.GetUtcNow()), stock.Next(), nowUs++);
                if (decided.Accepted) head = head with { Version = decided.Version, EntryId = decided.Id, State = decided.After };
            }
        }

        return made;
    }

    private async Task AppendAsync(DecidedBid[][] batches, CancellationToken cancellationToken)
    {
        foreach (var batch in batches)
        {
            var fresh = Enumerable.Repeat(true, batch.Length).ToArray();
            var results = await _ledger.AppendAsync(batch, fresh, cancellationToken);
            if (results.Any(r => r.Outcome != AppendOutcome.Appended)) throw new InvalidOperationException("The ledger did not take a bid.");
        }
    }
}
