using DevStack.Relay;
using Microsoft.Extensions.Logging.Abstractions;

namespace Auctions.IntegrationTests.Events;

/// <summary>The relay in this process.</summary>
internal sealed class RunningRelay : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    private RunningRelay(EventTables tables, string kafka, SnapshotMode snapshot)
    {
        var options = new RelayOptions
        {
            Postgres = tables.ConnectionString,
            Kafka = kafka,
            Slot = tables.Slot,
            Snapshot = snapshot,
            HeartbeatInterval = TimeSpan.FromMilliseconds(200),
        };
        _running = Task.Run(() => new PostgresRelay(options, TimeProvider.System, NullLogger.Instance).RunAsync(_stop.Token));
    }

    public static async Task<RunningRelay> StartAsync(EventTables tables, string kafka, SnapshotMode snapshot = SnapshotMode.Never)
    {
        var relay = new RunningRelay(tables, kafka, snapshot);
        await Eventually.TrueAsync(
            () => tables.ScalarAsync<bool>($"select exists (select from pg_replication_slots where slot_name = '{tables.Slot}')"),
            "the relay has its slot");
        return relay;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }
}
