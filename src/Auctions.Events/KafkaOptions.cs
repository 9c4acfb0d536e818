using Auctions.Hosting;

namespace Auctions.Events;

/// <summary>Where Kafka is.</summary>
public sealed class KafkaOptions : ISectionOptions
{
    public static string Section => "Kafka";

    /// <summary>Brokers to begin with: <c>host:port</c>, separated by commas.</summary>
    public string BootstrapServers { get; set; } = "";

    public IEnumerable<string> Failures()
    {
        if (BootstrapServers.Split(',').Any(server => !IsHostAndPort(server)))
            yield return $"Kafka:BootstrapServers must be host:port, separated by commas, and is '{BootstrapServers}'.";
    }

    private static bool IsHostAndPort(string server) =>
        server.LastIndexOf(':') is > 0 and var colon && ushort.TryParse(server.AsSpan(colon + 1), out var port) && port > 0;
}
