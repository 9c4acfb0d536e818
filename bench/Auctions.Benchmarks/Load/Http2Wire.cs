using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Auctions.Benchmarks.Load;

/// <summary>
/// HTTP/2 frames (RFC 9113, 4.1). A frame's header has three bytes of length, the type, the flags and four bytes of
/// stream.
/// </summary>
internal static class Frames
{
    public const int HeaderLength = 9;
    public const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, Ping = 6, GoAway = 7, WindowUpdate = 8;
    public const byte EndStream = 1, Ack = 1, EndHeaders = 4, Padded = 8;

    /// <summary>
    /// A client's preface and its settings: no dynamic table for response headers, no push, the largest window.
    /// </summary>
    public static byte[] Opening { get; } =
    [
        .. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8,
        0, 0, 18, Settings, 0, 0, 0, 0, 0,
        0, 1, 0, 0, 0, 0, // HEADER_TABLE_SIZE
        0, 2, 0, 0, 0, 0, // ENABLE_PUSH
        0, 4, 0x7f, 0xff, 0xff, 0xff, // INITIAL_WINDOW_SIZE
        0, 0, 4, WindowUpdate, 0, 0, 0, 0, 0,
        0x7f, 0xff, 0x00, 0x00, // adds to the connection's window, which begins with 65,535
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

/// <summary>
/// The part of HPACK (RFC 7541) that the load needs. It writes a request's headers as a few indexed fields and the
/// token, and reads the grpc-status of a response. The server is told to use no dynamic table, so each block can be
/// read alone.
/// </summary>
internal static class Hpack
{
    private const byte PostMethod = 0x83, HttpScheme = 0x86, IndexedName = 0x40;

    /// <summary>
    /// The headers of the first request. Its constant fields go into the server's dynamic table; the last one becomes
    /// entry 62.
    /// </summary>
    public static byte[] FirstRequest(string authority, string path, byte[] authorization) =>
    [
        PostMethod, HttpScheme,
        IndexedName | 4, .. Text(path),
        IndexedName | 1, .. Text(authority),
        IndexedName | 31, .. Text("application/grpc"),
        IndexedName, .. Text("te"), .. Text("trailers"),
        .. authorization,
    ];

    /// <summary>The headers of every later request: the constant fields come from the table.</summary>
    public static byte[] Request(byte[] authorization) =>
        [PostMethod, HttpScheme, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62, .. authorization];

    /// <summary>The authorization field (name 23), as a literal that the server does not put into its table.</summary>
    public static byte[] Authorization(string token) => [0x0f, 23 - 15, .. Text("Bearer " + token)];

    /// <summary>The value of grpc-status in a response's header block; -1 if the block has none.</summary>
    /// <exception cref="InvalidDataException">The value is not a number in plain digits.</exception>
    public static int GrpcStatus(ReadOnlySpan<byte> block)
    {
        while (block.Length > 0)
        {
            var first = block[0];
            if (first >= 0x80)
            {
                Integer(ref block, 7); // an indexed field
                continue;
            }

            if (first is >= 0x20 and < 0x40)
            {
                Integer(ref block, 5); // a change of the table's size
                continue;
            }

            var index = Integer(ref block, first >= 0x40 ? 6 : 4);
            var name = index == 0 ? String(ref block) : default;
            var value = String(ref block);
            if (!name.SequenceEqual("grpc-status"u8)) continue;
            // An empty value must not read as 0, which is success. A Huffman-coded value must not read as digits.
            return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var status)
                ? status
                : throw new InvalidDataException("A grpc-status is not a plain number.");
        }

        return -1;
    }

    private static byte[] Text(string text)
    {
        var bytes = Encoding.ASCII.GetBytes(text);
        return [.. Length(bytes.Length), .. bytes];
    }

    private static byte[] Length(int value)
    {
        if (value < 127) return [(byte)value];
        var rest = value - 127;
        List<byte> bytes = [127];
        for (; rest >= 128; rest >>= 7) bytes.Add((byte)(rest | 128));
        bytes.Add((byte)rest);
        return [.. bytes];
    }

    private static int Integer(ref ReadOnlySpan<byte> block, int prefixBits)
    {
        var prefixMax = (1 << prefixBits) - 1;
        var value = block[0] & prefixMax;
        block = block[1..];
        if (value < prefixMax) return value;
        for (var shift = 0; ; shift += 7)
        {
            var next = block[0];
            block = block[1..];
            value += (next & 127) << shift;
            if (next < 128) return value;
        }
    }

    /// <summary>The raw bytes. A Huffman-coded string is never one that is searched for.</summary>
    private static ReadOnlySpan<byte> String(ref ReadOnlySpan<byte> block)
    {
        var length = Integer(ref block, 7);
        var text = block[..length];
        block = block[length..];
        return text;
    }
}
