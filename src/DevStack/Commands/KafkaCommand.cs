using System.CommandLine;
using System.Net;
using Auctions.Events;
using DevStack.Kafka;

namespace DevStack.Commands;

/// <summary>kafka: runs until it is told to stop.</summary>
internal static class KafkaCommand
{
    public static Command Create()
    {
        var listen = new Option<string>("--listen")
        {
            Description = "Where clients come first, as address:port; port 0 for any",
            DefaultValueFactory = _ => "127.0.0.1:0",
        };
        var partitions = new Option<int>("--partitions")
        {
            Description = "Partitions of each table's topic",
            DefaultValueFactory = _ => KafkaTopics.PartitionsDefault,
        };
        var addressFile = new Option<string?>("--address-file") { Description = "Gets the bootstrap address once it answers" };
        listen.Validators.Add(option =>
        {
            if (!IPEndPoint.TryParse(option.GetValueOrDefault<string>(), out _)) option.AddError("--listen is not an address:port.");
        });
        partitions.Validators.Add(option =>
        {
            if (option.GetValueOrDefault<int>() is < 1 or > 1000) option.AddError("--partitions is not between 1 and 1000.");
        });
        var command = new Command("kafka", "Host librdkafka's mock cluster with the feed's topics") { listen, partitions, addressFile };
        command.SetAction((arguments, cancellationToken) => RunAsync(
            IPEndPoint.Parse(arguments.GetValue(listen)!), arguments.GetValue(partitions), arguments.GetValue(addressFile), cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(IPEndPoint listen, int partitions, string? addressFile, CancellationToken cancellationToken)
    {
        using var kafka = new KafkaHost(listen, partitions);
        if (addressFile is not null) kafka.Announce(addressFile);
        Console.WriteLine($"Kafka at {kafka.Address}, {partitions} partitions a table");
        var stopped = new TaskCompletionSource();
        await using var _ = cancellationToken.Register(stopped.SetResult);
        await stopped.Task;
        return 0;
    }
}
