using Auctions.Faults.Evidence;
using Auctions.Faults.Injection;
using Auctions.Faults.Load;
using Auctions.Faults.Stack;
using Npgsql;

namespace Auctions.Faults;

/// <summary>All evidence of a run.</summary>
internal sealed record Collected(RunEvidence Run, IReadOnlyList<AuctionEvidence> Auctions);

/// <summary>Puts together what was seen of each auction, from every side.</summary>
internal static class Collection
{
    public static async Task<Collected> CollectAsync(
        FaultStack stack, LoadRun load, EventTap feed, FaultLog faults, RunClock clock, bool feedIsWhole, CancellationToken cancellationToken)
    {
        await using var postgres = NpgsqlDataSource.Create(stack.PostgresConnection);
        var reader = new LedgerReader(postgres);
        var restUs = clock.EpochUs + clock.NowUs;
        var rows = await reader.RowsAsync(cancellationToken);
        var records = await reader.RecordsAsync(cancellationToken);
        var lots = load.Market.All.ToDictionary(lot => lot.Id);
        var sent = load.Log.Bids.ToLookup(bid => bid.AuctionId);
        var calls = load.Log.Calls.ToLookup(call => call.AuctionId);

        // An auction in Postgres that no seller knows of was created by a call whose answer never came.
        var ids = rows.Keys.Union(records.Keys).Union(lots.Keys).ToList();
        var hot = await HotReader.ReadAsync(stack.Redis.PrimaryAddress, ids).WaitAsync(cancellationToken);
        var auctions = ids.Select(id => new AuctionEvidence(id, rows.GetValueOrDefault(id), records.GetValueOrDefault(id, []),
            [.. sent[id]], [.. calls[id]], hot[id],
            lots.TryGetValue(id, out var lot) ? new ViewerEvidence(lot.Frames.States, lot.Frames.Faults, lot.Frames.Ended) : null,
            feed.Heads(id), feed.Entries(id))).ToList();
        var disturbances = faults.Faults.Select(f => (clock.EpochUs + f.BeganUs, f.EndedUs == long.MaxValue ? restUs : clock.EpochUs + f.EndedUs)).ToList();
        return new Collected(new RunEvidence(clock.EpochUs, restUs, disturbances, feedIsWhole), auctions);
    }
}
