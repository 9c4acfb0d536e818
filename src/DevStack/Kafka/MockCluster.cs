using System.Runtime.InteropServices;
using System.Text;

namespace DevStack.Kafka;

/// <summary>
/// The mock cluster that librdkafka contains for its own tests: one broker in this process that speaks the real
/// protocol. It keeps its data in memory, about 5 MB a partition, and drops the oldest messages beyond that. It chooses
/// its port.
/// </summary>
public sealed class MockCluster : IDisposable
{
    private const int ProducerType = 0;
    private const int BrokerId = 1;
    private const int MessageLength = 512;

    private readonly nint _client;
    private readonly nint _cluster;
    private bool _disposed;

    // The package contains two builds for Linux. The first needs a version of libsasl2 that Debian does not have.
    // Confluent.Kafka falls back to the second by itself; our own imports need this resolver.
    static MockCluster() => NativeLibrary.SetDllImportResolver(
        typeof(MockCluster).Assembly,
        static (name, assembly, path) =>
            name != Native.Library ? 0
            : NativeLibrary.TryLoad(name, assembly, path, out var handle) ? handle
            : NativeLibrary.Load("centos8-librdkafka", assembly, path));

    /// <summary>Starts the broker.</summary>
    public MockCluster()
    {
        var message = new byte[MessageLength];
        var configuration = Native.rd_kafka_conf_new();
        // Without this, it would log that it has no broker to connect to.
        Native.rd_kafka_conf_set(configuration, "log_level", "0", message, MessageLength);
        _client = Native.rd_kafka_new(ProducerType, configuration, message, MessageLength);
        if (_client == 0)
        {
            throw new InvalidOperationException($"librdkafka: {Encoding.UTF8.GetString(message).TrimEnd('\0')}");
        }

        _cluster = Native.rd_kafka_mock_cluster_new(_client, BrokerId);
        if (_cluster == 0) throw new InvalidOperationException("librdkafka did not start its mock cluster.");
    }

    /// <summary>The broker's address, <c>host:port</c>.</summary>
    public string Address => Marshal.PtrToStringUTF8(Native.rd_kafka_mock_cluster_bootstraps(_cluster))!;

    /// <summary>Creates a topic.</summary>
    public void CreateTopic(string name, int partitions) =>
        Check(Native.rd_kafka_mock_topic_create(_cluster, name, partitions, 1), $"create the topic {name}");

    /// <summary>
    /// Closes all connections and accepts no new ones, like a broker that is down. It keeps its data.
    /// </summary>
    public void SetDown() => Check(Native.rd_kafka_mock_broker_set_down(_cluster, BrokerId), "go down");

    /// <summary>Accepts connections again.</summary>
    public void SetUp() => Check(Native.rd_kafka_mock_broker_set_up(_cluster, BrokerId), "come up");

    /// <summary>Stops the broker; its data is lost.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        Native.rd_kafka_mock_cluster_destroy(_cluster);
        Native.rd_kafka_destroy(_client);
    }

    private static void Check(int error, string what)
    {
        if (error != 0) throw new InvalidOperationException($"The mock cluster did not {what}: error {error}.");
    }

    // Functions of librdkafka that Confluent.Kafka does not expose.
    private static class Native
    {
        internal const string Library = "librdkafka";

        [DllImport(Library)]
        internal static extern nint rd_kafka_conf_new();

        [DllImport(Library)]
        internal static extern int rd_kafka_conf_set(
            nint configuration,
            [MarshalAs(UnmanagedType.LPUTF8Str)] string name,
            [MarshalAs(UnmanagedType.LPUTF8Str)] string value,
            byte[] message,
            nint messageLength);

        [DllImport(Library)]
        internal static extern nint rd_kafka_new(int type, nint configuration, byte[] message, nint messageLength);

        [DllImport(Library)]
        internal static extern void rd_kafka_destroy(nint client);

        [DllImport(Library)]
        internal static extern nint rd_kafka_mock_cluster_new(nint client, int brokers);

        [DllImport(Library)]
        internal static extern void rd_kafka_mock_cluster_destroy(nint cluster);

        [DllImport(Library)]
        internal static extern nint rd_kafka_mock_cluster_bootstraps(nint cluster);

        [DllImport(Library)]
        internal static extern int rd_kafka_mock_topic_create(
            nint cluster, [MarshalAs(UnmanagedType.LPUTF8Str)] string topic, int partitions, int replication);

        [DllImport(Library)]
        internal static extern int rd_kafka_mock_broker_set_down(nint cluster, int broker);

        [DllImport(Library)]
        internal static extern int rd_kafka_mock_broker_set_up(nint cluster, int broker);
    }
}
