using Auctions.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Auctions.Events;

/// <summary>Change events as services read them: where Kafka is, and what their consumer reads.</summary>
public static class EventsRegistration
{
    /// <summary>
    /// Kafka (<c>Kafka:BootstrapServers</c>), and the <see cref="EventConsumerOptions"/> of the service's consumer.
    /// </summary>
    /// <param name="topics">See <see cref="EventConsumerOptions.Topics"/>.</param>
    /// <param name="group">See <see cref="EventConsumerOptions.Group"/>.</param>
    /// <param name="start">See <see cref="EventConsumerOptions.Start"/>.</param>
    public static IServiceCollection AddEvents(
        this IServiceCollection services, IConfiguration configuration, IReadOnlyList<string> topics,
        string? group = null, EventStart start = EventStart.End) => services
        .AddSection<KafkaOptions>(configuration)
        .AddSingleton(provider => new EventConsumerOptions
        {
            BootstrapServers = provider.GetRequiredService<IOptions<KafkaOptions>>().Value.BootstrapServers,
            Topics = topics,
            Group = group,
            Start = start,
        });
}

/// <summary>Where Kafka is.</summary>
public sealed class KafkaOptions : ISectionOptions
{
    public static string Section => "Kafka";

    /// <summary>The brokers that a client contacts first: <c>host:port</c>, separated by commas.</summary>
    public string BootstrapServers { get; set; } = "";

    public IEnumerable<string> Failures()
    {
        if (BootstrapServers.Split(',').Any(server => !IsHostAndPort(server)))
        {
            yield return "Kafka:BootstrapServers must be host:port, separated by commas, " +
                $"and is '{BootstrapServers}'.";
        }
    }

    private static bool IsHostAndPort(string server) => server.LastIndexOf(':') is > 0 and var colon
        && ushort.TryParse(server.AsSpan(colon + 1), out var port) && port > 0;
}
