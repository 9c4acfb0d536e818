using Auctions.Faults.Checking;
using Auctions.Faults.Evidence;
using Auctions.Faults.Load;
using Auctions.Faults.Stack;
using DevStack.Supervision;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Faults;

/// <summary>
/// Waits until the system is at rest: every part ready, every outcome known, every auction sealed whose end has come, and Redis, Kafka and
/// viewers where the ledger is. What does not come to rest in time is for the checks to tell of.
/// </summary>
internal sealed class Quiescence(FaultStack stack, LoadRun load, EventTap feed, RunClock clock)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(300);

    /// <summary>What is waited for, for the line that tells of it; empty before and after.</summary>
    public string State { get; private set; } = "";

    public async Task ReachAsync(TimeSpan within, CancellationToken cancellationToken)
    {
        await using var postgres = NpgsqlDataSource.Create(stack.PostgresConnection);
        var until = clock.NowUs + (long)within.TotalMicroseconds;
        while (await LookAsync(postgres, cancellationToken) is { } missing)
        {
            if (State != $"  waiting for {missing}") stack.Say($"waiting for {missing}");
            State = $"  waiting for {missing}";
            if (clock.NowUs > until) return;
            await clock.DelayAsync(Pause, cancellationToken);
        }

        State = "  at rest";
    }

    /// <returns>What is not at rest; null where all is.</returns>
    private async Task<string?> LookAsync(NpgsqlDataSource postgres, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var part in stack.Parts)
            {
                if (stack.Process(part.Name) is null || !await part.IsReady(cancellationToken)) return part.Name;
            }

            if (!load.IsIdle) return $"{load.Unknown} outcomes";
            var rows = await new LedgerReader(postgres).RowsAsync(cancellationToken);
            return await MissingAsync(rows, cancellationToken);
        }
        catch (Exception e) when (e is NpgsqlException or RedisException or IOException or System.Net.Sockets.SocketException or HttpRequestException)
        {
            return $"a store ({e.Message})";
        }
    }

    private async Task<string?> MissingAsync(Dictionary<Guid, AuctionRow> rows, CancellationToken cancellationToken)
    {
        var nowUs = clock.EpochUs + clock.NowUs;
        var lots = load.Market.All;
        if (lots.FirstOrDefault(lot => lot.End == LotEnd.Time && rows.TryGetValue(lot.Id, out var row) && !row.State.IsOver) is { } open)
            return $"the end of {open.Id} in {(rows[open.Id].State.EndUs - nowUs) / 1e6:0.0} s";
        if (lots.FirstOrDefault(lot => rows.TryGetValue(lot.Id, out var row) && feed.LastVersion(lot.Id) != row.Version) is { } unread)
            return $"Kafka to have version {rows[unread.Id].Version} of {unread.Id}";
        if (lots.FirstOrDefault(lot => rows.TryGetValue(lot.Id, out var row) && (lot.Frames.Version != row.Version || row.State.IsOver && lot.Frames.Ended is null)) is { } unseen)
            return $"the viewer of {unseen.Id}";
        var hot = await HotReader.ReadAsync(stack.Redis.PrimaryAddress, rows.Keys).WaitAsync(cancellationToken);
        return rows.Values.FirstOrDefault(row => !HotStateCheck.IsRight(row, hot[row.Id])) is { } wrong ? $"Redis to have version {wrong.Version} of {wrong.Id}" : null;
    }
}
