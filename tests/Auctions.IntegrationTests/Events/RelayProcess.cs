using Auctions.IntegrationTests.Servers;

namespace Auctions.IntegrationTests.Events;

/// <summary>The relay as a process of its own, so that it can be killed.</summary>
internal static class RelayProcess
{
    public static Task<ServerProcess> StartAsync(EventTables tables, string kafka, string snapshot = "never") => ServerProcess.StartAsync(
        [
            "dotnet", Path.Combine(AppContext.BaseDirectory, "DevStack.dll"), "relay", "--postgres", tables.ConnectionString,
            "--kafka", kafka, "--slot", tables.Slot, "--snapshot", snapshot, "--heartbeat-seconds", "1",
        ],
        Path.Combine(Path.GetTempPath(), $"{tables.Slot}.log"),
        async () =>
        {
            if (!await tables.ScalarAsync<bool>($"select exists (select from pg_replication_slots where slot_name = '{tables.Slot}' and active)"))
            {
                throw new InvalidOperationException("The relay does not stream yet.");
            }
        });
}
