using System.Net.Sockets;
using Auctions.Faults.Checking;
using Auctions.Faults.Evidence;
using Auctions.Faults.Load;
using Auctions.Faults.Stack;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Faults;

/// <summary>
/// Waits until the system is at rest: every part is ready, every outcome is known, every auction whose end has come is
/// sealed, and Redis, Kafka and the viewers have the ledger's state. If that does not happen in time, the checks show
/// what is wrong.
/// </summary>
internal sealed class Quiescence(FaultStack stack, LoadRun load, EventRecorder events, RunClock clock)
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(300);

    /// <summary>What it waits for, for the progress line; empty before.</summary>
    public string State { get; private set; } = "";

    public async Task WaitAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        await using var postgres = NpgsqlDataSource.Create(stack.PostgresConnection);
        var until = clock.NowUs + (long)timeout.TotalMicroseconds;
        while (await FindUnsettledAsync(postgres, cancellationToken) is { } unsettled)
        {
            var state = $"  waiting for {unsettled}";
            if (State != state) stack.Say($"waiting for {unsettled}");
            State = state;
            if (clock.NowUs > until) return;
            await clock.DelayAsync(PollInterval, cancellationToken);
        }

        State = "  at rest";
    }

    /// <returns>Something that is not at rest; null if everything is.</returns>
    private async Task<string?> FindUnsettledAsync(NpgsqlDataSource postgres, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var part in stack.Parts)
            {
                if (stack.Process(part.Name) is null || !await part.IsReady(cancellationToken)) return part.Name;
            }

            if (!load.IsIdle) return $"{load.Unknown} outcomes";
            var rows = await new LedgerReader(postgres).RowsAsync(cancellationToken);
            return FindUnsettledLot(rows) ?? await FindUnsettledInRedisAsync(rows, cancellationToken);
        }
        catch (Exception e) when (e is NpgsqlException or RedisException or IOException or SocketException
            or HttpRequestException)
        {
            return $"a store ({e.Message})";
        }
    }

    private string? FindUnsettledLot(Dictionary<Guid, AuctionRow> rows)
    {
        var nowUs = clock.EpochUs + clock.NowUs;
        var lots = load.Catalog.All.Where(lot => rows.ContainsKey(lot.Id)).Select(lot => (Lot: lot, Row: rows[lot.Id]))
            .ToList();
        foreach (var (lot, row) in lots)
        {
            if (lot.End == LotEnd.Time && !row.State.IsOver)
                return $"the end of {lot.Id} in {(row.State.EndUs - nowUs) / 1e6:0.0} s";
        }

        foreach (var (lot, row) in lots)
        {
            if (events.LastVersion(lot.Id) != row.Version)
                return $"Kafka to have version {row.Version} of {lot.Id}";
        }

        foreach (var (lot, row) in lots)
        {
            if (lot.Frames.Version != row.Version || row.State.IsOver && lot.Frames.Ended is null)
                return $"the viewer of {lot.Id}";
        }

        return null;
    }

    private async Task<string?> FindUnsettledInRedisAsync(
        Dictionary<Guid, AuctionRow> rows, CancellationToken cancellationToken)
    {
        var hot = await HotStateReader.ReadAsync(stack.Redis.Configuration, rows.Keys).WaitAsync(cancellationToken);
        var row = rows.Values.FirstOrDefault(row => !HotStateCheck.Agrees(row, hot[row.Id]));
        return row is null ? null : $"Redis to have version {row.Version} of {row.Id}";
    }
}
