using System.Buffers.Binary;

namespace Auctions.Benchmarks.Load;

/// <summary>HTTP/2 frames (RFC 9113, 4.1): three bytes of length, type, flags, four of stream.</summary>
internal static class Frames
{
    public const int HeaderLength = 9;
    public const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, Ping = 6, GoAway = 7, WindowUpdate = 8;
    public const byte EndStream = 1, Ack = 1, EndHeaders = 4, Padded = 8;

    /// <summary>What a client says first, then its settings: no dynamic header table towards it, no push, the largest window.</summary>
    public static byte[] Opening { get; } =
    [
        .. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8,
        0, 0, 18, Settings, 0, 0, 0, 0, 0,
        0, 1, 0, 0, 0, 0, // HEADER_TABLE_SIZE
        0, 2, 0, 0, 0, 0, // ENABLE_PUSH
        0, 4, 0x7f, 0xff, 0xff, 0xff, // INITIAL_WINDOW_SIZE
        0, 0, 4, WindowUpdate, 0, 0, 0, 0, 0, 0x7f, 0xff, 0x00, 0x00, // the connection's: 65,535 are there already
    ];

    public static void WriteHeader(Span<byte> to, int length, byte type, byte flags, int stream)
    {
        BinaryPrimitives.WriteInt32BigEndian(to, (length << 8) | type);
        to[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(to[5..], stream);
    }

    public static (int Length, byte Type, byte Flags, int Stream) ReadHeader(ReadOnlySpan<byte> from)
    {
        var first = BinaryPrimitives.ReadUInt32BigEndian(from);
        return ((int)(first >> 8), (byte)first, from[4], BinaryPrimitives.ReadInt32BigEndian(from[5..]) & int.MaxValue);
    }
}
