using System.Buffers;
using Auctions.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace StreamGateway;

/// <summary>
/// A <see cref="WatchResponse"/> on its way to one viewer: bytes that all viewers share, and a few fields of this moment. On the
/// wire a message is the sum of its parts, so that the two are simply written one after the other. One a stream, used again for
/// every write.
/// </summary>
internal sealed class WatchFrame
{
    private readonly WatchResponse _own = new() { ServerTime = new Timestamp() };
    private readonly Heartbeat _heartbeat = new();

    /// <summary>Serialisation copies; the frame is free once <c>WriteAsync</c> has returned its task.</summary>
    public static Marshaller<WatchFrame> Marshaller { get; } = new(
        static (frame, context) => frame.Write(context),
        static _ => throw new NotSupportedException("A gateway writes frames, and reads none."));

    /// <summary>The part that other viewers are sent too.</summary>
    public byte[] Shared { get; private set; } = [];

    /// <param name="shared">Without <c>server_time</c>.</param>
    public WatchFrame Of(byte[] shared, DateTimeOffset now)
    {
        Shared = shared;
        _own.ClearFrame();
        return At(now);
    }

    public WatchFrame Heartbeat(long viewers, DateTimeOffset now)
    {
        Shared = [];
        _heartbeat.ViewerCount = viewers;
        _own.Heartbeat = _heartbeat;
        return At(now);
    }

    /// <summary>The whole message, as the viewer will read it.</summary>
    public WatchResponse Read() => WatchResponse.Parser.ParseFrom([.. Shared, .. _own.ToByteArray()]);

    private WatchFrame At(DateTimeOffset now)
    {
        var sinceEpoch = now.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
        _own.ServerTime.Seconds = sinceEpoch / TimeSpan.TicksPerSecond;
        _own.ServerTime.Nanos = (int)(sinceEpoch % TimeSpan.TicksPerSecond) * 100;
        return this;
    }

    private void Write(SerializationContext context)
    {
        context.SetPayloadLength(Shared.Length + _own.CalculateSize());
        var output = context.GetBufferWriter();
        output.Write(Shared);
        _own.WriteTo(output);
        context.Complete();
    }
}
