using System.Net;
using Auctions.Events;

namespace DevStack.Kafka;

/// <summary>Kafka for one machine: the mock cluster with the feed's topics, at a fixed address.</summary>
public sealed class KafkaHost : IDisposable
{
    private readonly MockCluster _cluster;
    private readonly TcpForwarder _doorway;

    /// <summary>Starts it.</summary>
    /// <param name="listen">Where clients are told to come first.</param>
    /// <param name="partitions">Of the topics of both tables.</param>
    public KafkaHost(IPEndPoint listen, int partitions)
    {
        _cluster = new MockCluster();
        _cluster.CreateTopic(KafkaTopics.Auctions, partitions);
        _cluster.CreateTopic(KafkaTopics.Ledger, partitions);
        _cluster.CreateTopic(KafkaTopics.Heartbeat, 1);
        _doorway = new TcpForwarder(listen, IPEndPoint.Parse(_cluster.Address));
    }

    /// <summary>The bootstrap address, <c>host:port</c>.</summary>
    public string Address => _doorway.Address;

    /// <summary>The broker behind it.</summary>
    public MockCluster Cluster => _cluster;

    /// <summary>Writes the address for others to read; the file is there with all of it or not at all.</summary>
    public void Announce(string path)
    {
        var draft = $"{path}.{Environment.ProcessId}";
        File.WriteAllText(draft, Address + "\n");
        File.Move(draft, path, overwrite: true);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _doorway.Dispose();
        _cluster.Dispose();
    }
}
