using System.Globalization;
using Auctions.Faults.Injection;
using Auctions.Faults.Load;
using Auctions.Faults.Stack;
using Auctions.HotState;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Faults.Evidence;

/// <summary>All evidence of a run.</summary>
internal sealed record RunEvidenceSet(RunEvidence Run, IReadOnlyList<AuctionEvidence> Auctions);

/// <summary>Collects at rest what was seen of each auction from every side.</summary>
internal static class EvidenceCollector
{
    public static async Task<RunEvidenceSet> CollectAsync(
        FaultStack stack, LoadRun load, EventRecorder events, FaultLog faults, RunClock clock, bool kafkaIsComplete,
        CancellationToken cancellationToken)
    {
        await using var postgres = NpgsqlDataSource.Create(stack.PostgresConnection);
        var reader = new LedgerReader(postgres);
        var nowUs = clock.EpochUs + clock.NowUs;
        var rows = await reader.RowsAsync(cancellationToken);
        var records = await reader.RecordsAsync(cancellationToken);
        var lots = load.Catalog.All.ToDictionary(lot => lot.Id);
        var sent = load.Log.Bids.ToLookup(bid => bid.AuctionId);
        var calls = load.Log.Calls.ToLookup(call => call.AuctionId);

        // Postgres may have an auction that no seller knows: the call that created it was never answered.
        var ids = rows.Keys.Union(records.Keys).Union(lots.Keys).ToList();
        var hot = await HotStateReader.ReadAsync(stack.Redis.Configuration, ids).WaitAsync(cancellationToken);
        var auctions = ids.Select(id => new AuctionEvidence(id, rows.GetValueOrDefault(id),
            records.GetValueOrDefault(id, []), [.. sent[id]], [.. calls[id]], hot[id], ViewerOf(id),
            events.AuctionEvents(id), events.LedgerEvents(id))).ToList();
        var disturbances = faults.Faults.Select(f => new Disturbance(
            clock.EpochUs + f.BeganUs, f.EndedUs == long.MaxValue ? nowUs : clock.EpochUs + f.EndedUs, f.Auctions))
            .ToList();
        return new RunEvidenceSet(new RunEvidence(clock.EpochUs, nowUs, disturbances, kafkaIsComplete), auctions);

        ViewerEvidence? ViewerOf(Guid id) => lots.TryGetValue(id, out var lot)
            ? new ViewerEvidence(lot.Frames.States, lot.Frames.Faults, lot.Frames.Ended)
            : null;
    }
}

/// <summary>Reads what Redis holds of auctions. Of the services' code it takes the names of the keys alone.</summary>
internal static class HotStateReader
{
    /// <param name="configuration">In StackExchange.Redis' format.</param>
    /// <exception cref="RedisException">Redis does not answer.</exception>
    public static async Task<Dictionary<Guid, HotStateCopy>> ReadAsync(string configuration, IEnumerable<Guid> auctions)
    {
        await using var connection = await ConnectionMultiplexer.ConnectAsync(configuration);
        var redis = connection.GetDatabase();
        var reads = auctions.Select(id => (Id: id, Copy: ReadAsync(redis, id))).ToList();
        await Task.WhenAll(reads.Select(read => read.Copy));
        return reads.ToDictionary(read => read.Id, read => read.Copy.Result);
    }

    private static async Task<HotStateCopy> ReadAsync(IDatabase redis, Guid id)
    {
        var keys = new HotKeys(id);
        var transaction = redis.CreateTransaction(); // the pending entries must belong to the head that is read
        var hash = transaction.HashGetAllAsync(keys.Auction);
        var pending = transaction.HashKeysAsync(keys.Pending);
        await transaction.ExecuteAsync();
        return new HotStateCopy(
            (await hash).ToDictionary(f => f.Name.ToString(), f => f.Value.ToString(), StringComparer.Ordinal),
            [.. (await pending).Select(v => long.Parse(v.ToString(), CultureInfo.InvariantCulture))]);
    }
}
