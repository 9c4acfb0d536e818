using Auctions.IntegrationTests.Servers;
using DevStack.Relay;
using Microsoft.Extensions.Logging.Abstractions;

namespace Auctions.IntegrationTests.Events;

/// <summary>The relay in this process.</summary>
internal sealed class RunningRelay : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    public RunningRelay(
        string connectionString, string slot, string kafka, SnapshotMode snapshot = SnapshotMode.Never)
    {
        var options = new RelayOptions
        {
            Postgres = connectionString,
            Kafka = kafka,
            Slot = slot,
            Snapshot = snapshot,
            HeartbeatInterval = TimeSpan.FromMilliseconds(200),
        };
        var relay = new PostgresRelay(options, TimeProvider.System, NullLogger.Instance);
        _running = Task.Run(() => relay.RunAsync(_stop.Token));
    }

    public static async Task<RunningRelay> StartAsync(
        EventTables tables, string kafka, SnapshotMode snapshot = SnapshotMode.Never)
    {
        var relay = new RunningRelay(tables.ConnectionString, tables.Slot, kafka, snapshot);
        var query = $"select exists (select from pg_replication_slots where slot_name = '{tables.Slot}')";
        await Eventually.TrueAsync(() => tables.ScalarAsync<bool>(query), "the relay has its slot");
        return relay;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }
}

/// <summary>The relay as a process of its own, so that it can be killed.</summary>
internal static class RelayProcess
{
    public static Task<ServerProcess> StartAsync(EventTables tables, string kafka) =>
        ServerProcess.StartAsync(
            [
                "dotnet", Path.Combine(AppContext.BaseDirectory, "DevStack.dll"), "relay",
                "--postgres", tables.ConnectionString, "--kafka", kafka, "--slot", tables.Slot,
                "--snapshot", "never", "--heartbeat-seconds", "1",
            ],
            Path.Combine(Path.GetTempPath(), $"{tables.Slot}.log"),
            () => RequireActiveSlotAsync(tables));

    private static async Task RequireActiveSlotAsync(EventTables tables)
    {
        var query = $"select exists (select from pg_replication_slots where slot_name = '{tables.Slot}' and active)";
        if (await tables.ScalarAsync<bool>(query)) return;
        throw new InvalidOperationException("The relay does not stream yet.");
    }
}
