using System.CommandLine;
using System.Net;
using Auctions.Events;
using DevStack.Kafka;
using DevStack.Relay;
using Microsoft.Extensions.Logging;

namespace DevStack.Commands;

/// <summary>kafka and relay: servers that run until they are told to stop.</summary>
internal static class ServerCommands
{
    public static Command Kafka()
    {
        var listen = new Option<string>("--listen")
        {
            Description = "The bootstrap address for clients, as address:port; port 0 for any free port",
            DefaultValueFactory = _ => "127.0.0.1:0",
        };
        listen.Validators.Add(option =>
        {
            if (IPEndPoint.TryParse(option.GetValueOrDefault<string>(), out _)) return;
            option.AddError("--listen is not an address:port.");
        });
        var partitions = new Option<int>("--partitions")
        {
            Description = "Partitions of each table's topic",
            DefaultValueFactory = _ => KafkaTopics.PartitionsDefault,
        };
        RequireBetween(partitions, 1, 1000);
        var addressFile = new Option<string?>("--address-file")
        {
            Description = "A file that gets the bootstrap address once Kafka answers",
        };
        var command = new Command("kafka", "Host librdkafka's mock cluster with the topics of the change events")
        {
            listen, partitions, addressFile,
        };
        command.SetAction((arguments, cancellationToken) => RunKafkaAsync(
            IPEndPoint.Parse(arguments.GetValue(listen)!),
            arguments.GetValue(partitions),
            arguments.GetValue(addressFile),
            cancellationToken));
        return command;
    }

    public static Command Relay(TimeProvider timeProvider)
    {
        var postgres = Setting("--postgres", "Postgres:ConnectionString", "Connection string of the database");
        var kafka = Setting("--kafka", "Kafka:BootstrapServers", "Kafka's brokers");
        var slot = new Option<string>("--slot")
        {
            Description = "The replication slot",
            DefaultValueFactory = _ => KafkaTopics.Prefix,
        };
        var publication = new Option<string>("--publication")
        {
            Description = "The publication",
            DefaultValueFactory = _ => KafkaTopics.Prefix,
        };
        var snapshot = new Option<string>("--snapshot")
        {
            Description = "When to read all auctions: initial, never, when-needed",
            DefaultValueFactory = _ => "when-needed",
        };
        snapshot.AcceptOnlyFromAmong("initial", "never", "when-needed");
        var heartbeat = new Option<int>("--heartbeat-seconds")
        {
            Description = "Pause between heartbeats",
            DefaultValueFactory = _ => 10,
        };
        RequireBetween(heartbeat, 1, 3600);
        var command = new Command("relay", "Write the committed changes of Postgres to Kafka, as Debezium does")
        {
            postgres, kafka, slot, publication, snapshot, heartbeat,
        };
        command.SetAction((arguments, cancellationToken) =>
        {
            var snapshotMode = arguments.GetValue(snapshot)!.Replace("-", "", StringComparison.Ordinal);
            var options = new RelayOptions
            {
                Postgres = arguments.GetValue(postgres)!,
                Kafka = arguments.GetValue(kafka)!,
                Slot = arguments.GetValue(slot)!,
                Publication = arguments.GetValue(publication)!,
                Snapshot = Enum.Parse<SnapshotMode>(snapshotMode, ignoreCase: true),
                HeartbeatInterval = TimeSpan.FromSeconds(arguments.GetValue(heartbeat)),
            };
            return RunRelayAsync(options, timeProvider, cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunKafkaAsync(
        IPEndPoint listen, int partitions, string? addressFile, CancellationToken cancellationToken)
    {
        using var kafka = new KafkaHost(listen, partitions);
        if (addressFile is not null) kafka.WriteAddress(addressFile);
        Console.WriteLine($"Kafka at {kafka.Address}, {partitions} partitions a table");
        var stopped = new TaskCompletionSource();
        await using var _ = cancellationToken.Register(stopped.SetResult);
        await stopped.Task;
        return 0;
    }

    private static async Task<int> RunRelayAsync(
        RelayOptions options, TimeProvider timeProvider, CancellationToken cancellationToken)
    {
        using var loggerFactory = LoggerFactory.Create(builder => builder.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
        }));
        await new PostgresRelay(options, timeProvider, loggerFactory.CreateLogger("relay")).RunAsync(cancellationToken);
        return 0;
    }

    // A setting from the command line, or from the environment variable that the services use.
    private static Option<string> Setting(string name, string key, string description)
    {
        var variable = key.Replace(":", "__", StringComparison.Ordinal);
        var option = new Option<string>(name)
        {
            Description = $"{description}; default: the environment variable {variable}",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable(variable) ?? "",
        };
        option.Validators.Add(result =>
        {
            if (!string.IsNullOrWhiteSpace(result.GetValueOrDefault<string>())) return;
            result.AddError($"{key} is missing: give {name} or set {variable}.");
        });
        return option;
    }

    private static void RequireBetween(Option<int> option, int min, int max) => option.Validators.Add(result =>
    {
        var value = result.GetValueOrDefault<int>();
        if (value < min || value > max) result.AddError($"{option.Name} is not between {min} and {max}.");
    });
}
