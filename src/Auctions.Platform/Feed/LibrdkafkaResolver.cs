using System.Runtime.InteropServices;

namespace Auctions.Platform.Feed;

/// <summary>
/// Lets Confluent.Kafka find the system's librdkafka, which no package brings along. Call <see cref="Install"/> before the
/// first use of a Kafka client; the classes of this folder do.
/// </summary>
public static class LibrdkafkaResolver
{
    private const string SystemLibrary = "librdkafka.so.1";

    // A resolver can be set once for an assembly: a static constructor runs once, whoever asks first.
    static LibrdkafkaResolver() =>
        NativeLibrary.SetDllImportResolver(
            typeof(Confluent.Kafka.Library).Assembly,
            static (name, _, _) => name == "librdkafka" ? Load() : 0);

    /// <summary>Makes sure that it is set up. Any number of calls, from any thread.</summary>
    public static void Install() => System.Runtime.CompilerServices.RuntimeHelpers.RunClassConstructor(typeof(LibrdkafkaResolver).TypeHandle);

    /// <summary>The system's library.</summary>
    /// <exception cref="DllNotFoundException">It is not installed.</exception>
    public static nint Load() => NativeLibrary.TryLoad(SystemLibrary, out var handle)
        ? handle
        : throw new DllNotFoundException($"{SystemLibrary} is not installed (Debian: apt-get install librdkafka1).");
}
