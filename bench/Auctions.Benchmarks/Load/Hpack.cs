using System.Globalization;
using System.Text;

namespace Auctions.Benchmarks.Load;

/// <summary>
/// As much of HPACK (RFC 7541) as the load needs: a request's headers as a few indexed fields and the token, and the grpc-status
/// of a response. The server is told to keep no dynamic table, so that each block can be read by itself.
/// </summary>
internal static class Hpack
{
    private const byte PostMethod = 0x83, HttpScheme = 0x86, IndexedName = 0x40;

    /// <summary>The first request's: its constant fields go into the server's table, the last one becomes entry 62.</summary>
    public static byte[] FirstRequest(string authority, string path, byte[] authorization) =>
    [
        PostMethod, HttpScheme,
        IndexedName | 4, .. Text(path),
        IndexedName | 1, .. Text(authority),
        IndexedName | 31, .. Text("application/grpc"),
        IndexedName, .. Text("te"), .. Text("trailers"),
        .. authorization,
    ];

    /// <summary>Every later one's: the constant fields from the table.</summary>
    public static byte[] Request(byte[] authorization) => [PostMethod, HttpScheme, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62, .. authorization];

    /// <summary>A field that is not worth a table's place: name 23, authorization.</summary>
    public static byte[] Authorization(string token) => [0x0f, 23 - 15, .. Text("Bearer " + token)];

    /// <summary>The value of grpc-status in a response's block; -1 where it is not there.</summary>
    /// <exception cref="InvalidDataException">It is there and no number in plain digits.</exception>
    public static int GrpcStatus(ReadOnlySpan<byte> block)
    {
        while (block.Length > 0)
        {
            var first = block[0];
            if (first >= 0x80)
            {
                Integer(ref block, 7);
                continue;
            }

            if (first is >= 0x20 and < 0x40)
            {
                Integer(ref block, 5); // the size of the table
                continue;
            }

            var index = Integer(ref block, first >= 0x40 ? 6 : 4);
            var name = index == 0 ? String(ref block) : default;
            var value = String(ref block);
            if (!name.SequenceEqual("grpc-status"u8)) continue;
            // An empty value must not pass for 0, which is success, nor a Huffman-coded one for a status that there is not.
            return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var status)
                ? status
                : throw new InvalidDataException("A grpc-status is no plain number.");
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
        var most = (1 << prefixBits) - 1;
        var value = block[0] & most;
        block = block[1..];
        if (value < most) return value;
        for (var shift = 0; ; shift += 7)
        {
            var next = block[0];
            block = block[1..];
            value += (next & 127) << shift;
            if (next < 128) return value;
        }
    }

    /// <summary>As it stands: a Huffman-coded one is none that is looked for.</summary>
    private static ReadOnlySpan<byte> String(ref ReadOnlySpan<byte> block)
    {
        var length = Integer(ref block, 7);
        var text = block[..length];
        block = block[length..];
        return text;
    }
}
