using System.CommandLine;
using DevStack.Relay;
using Microsoft.Extensions.Logging;

namespace DevStack.Commands;

/// <summary>relay: runs until it is told to stop.</summary>
internal static class RelayCommand
{
    public static Command Create(TimeProvider clock)
    {
        var postgres = Setting("--postgres", "Postgres:ConnectionString", "Connection string of the database");
        var kafka = Setting("--kafka", "Kafka:BootstrapServers", "Kafka's brokers");
        var slot = new Option<string>("--slot") { Description = "The replication slot", DefaultValueFactory = _ => "auctions" };
        var publication = new Option<string>("--publication") { Description = "The publication", DefaultValueFactory = _ => "auctions" };
        var snapshot = new Option<string>("--snapshot")
        {
            Description = "When to read all auctions: initial, never, when-needed",
            DefaultValueFactory = _ => "when-needed",
        };
        snapshot.AcceptOnlyFromAmong("initial", "never", "when-needed");
        var heartbeat = new Option<int>("--heartbeat-seconds") { Description = "Pause between heartbeats", DefaultValueFactory = _ => 10 };
        heartbeat.Validators.Add(option =>
        {
            if (option.GetValueOrDefault<int>() is < 1 or > 3600) option.AddError("--heartbeat-seconds is not between 1 and 3600.");
        });
        var command = new Command("relay", "Write what is committed in Postgres to Kafka, as Debezium does")
        {
            postgres, kafka, slot, publication, snapshot, heartbeat,
        };
        command.SetAction((arguments, cancellationToken) => RunAsync(
            new RelayOptions
            {
                Postgres = arguments.GetValue(postgres)!,
                Kafka = arguments.GetValue(kafka)!,
                Slot = arguments.GetValue(slot)!,
                Publication = arguments.GetValue(publication)!,
                Snapshot = Enum.Parse<SnapshotMode>(arguments.GetValue(snapshot)!.Replace("-", "", StringComparison.Ordinal), ignoreCase: true),
                HeartbeatInterval = TimeSpan.FromSeconds(arguments.GetValue(heartbeat)),
            },
            clock,
            cancellationToken));
        return command;
    }

    // From the command line, or from the environment under the name that the services use.
    private static Option<string> Setting(string name, string key, string description)
    {
        var variable = key.Replace(":", "__", StringComparison.Ordinal);
        var option = new Option<string>(name)
        {
            Description = $"{description}; without it the environment's {variable}",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable(variable) ?? "",
        };
        option.Validators.Add(result =>
        {
            if (string.IsNullOrWhiteSpace(result.GetValueOrDefault<string>())) result.AddError($"{key} is missing: give {name} or set {variable}.");
        });
        return option;
    }

    private static async Task<int> RunAsync(RelayOptions options, TimeProvider clock, CancellationToken cancellationToken)
    {
        using var logging = LoggerFactory.Create(builder => builder.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
        }));
        await new PostgresRelay(options, clock, logging.CreateLogger("relay")).RunAsync(cancellationToken);
        return 0;
    }
}
