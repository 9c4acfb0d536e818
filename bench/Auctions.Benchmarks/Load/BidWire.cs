using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;

namespace Auctions.Benchmarks.Load;

/// <summary>What kind of bid the load wants to send.</summary>
internal enum BidAim : byte
{
    /// <summary>Above all earlier offers: accepted, unless another bid overtakes it on the way.</summary>
    Rising,
    /// <summary>Below the price: rejected.</summary>
    Losing,
    /// <summary>An answered request again: it must get its first answer.</summary>
    Duplicate,
}

/// <summary>The outcome in a response.</summary>
internal enum Answer : byte { None, Leading, Outbid, Rejected, Error }

/// <summary>One request, and then its answer.</summary>
internal struct BidCall
{
    public int Auction, Bidder;
    public BidAim Aim;
    public bool Proxy;
    public long KeyNumber, Minor;
    /// <summary>The answer that a duplicate must repeat.</summary>
    public Answer Expected;
    /// <summary>A timestamp of the time provider: when it should be sent. Its latency counts from here.</summary>
    public long IntendedAt;
    public Answer Got;
    public bool Replayed;
}

/// <summary>PlaceBidRequest and PlaceBidResponse on the wire, as gRPC messages.</summary>
internal static class BidWire
{
    /// <summary>More bytes than any request takes.</summary>
    public const int RequestMax = 160;

    private const int GrpcPrefix = 5, MinorPerUnit = 100, NanosPerMinor = 10_000_000;

    /// <returns>Bytes written.</returns>
    public static int Write(Span<byte> to, ReadOnlySpan<byte> auctionId, ReadOnlySpan<byte> keyPrefix, in BidCall call)
    {
        var at = GrpcPrefix;
        to[at++] = 0x0a;
        to[at++] = 36;
        auctionId.CopyTo(to[at..]);
        at += 36;
        to[at++] = 0x12;
        to[at++] = 36;
        keyPrefix.CopyTo(to[at..]);
        Utf8Formatter.TryFormat(call.KeyNumber, to[(at + 24)..], out _, new StandardFormat('x', 12));
        at += 36;
        to[at++] = (byte)(call.Proxy ? 0x22 : 0x1a);
        var lengthAt = at++;
        to[at++] = 0x0a;
        to[at++] = 3;
        "USD"u8.CopyTo(to[at..]);
        at += 3;
        to[at++] = 0x10;
        at += Varint(to[at..], (ulong)(call.Minor / MinorPerUnit));
        if (call.Minor % MinorPerUnit is var rest and > 0)
        {
            to[at++] = 0x18;
            at += Varint(to[at..], (ulong)rest * NanosPerMinor);
        }

        to[lengthAt] = (byte)(at - lengthAt - 1);
        to[0] = 0;
        BinaryPrimitives.WriteInt32BigEndian(to[1..], at - GrpcPrefix);
        return at;
    }

    /// <summary>Reads outcome (field 1) and replayed (field 5) of the response's result (field 1).</summary>
    /// <exception cref="InvalidDataException">This is not one whole, uncompressed message.</exception>
    public static (Answer Answer, bool Replayed) Read(ReadOnlySpan<byte> message)
    {
        if (message.Length < GrpcPrefix || message[0] != 0
            || BinaryPrimitives.ReadInt32BigEndian(message[1..]) != message.Length - GrpcPrefix)
            throw new InvalidDataException("A DATA frame is not one whole gRPC message.");
        message = Result(message[GrpcPrefix..]);
        var (answer, replayed) = (Answer.None, false);
        while (message.Length > 0)
        {
            var tag = ReadVarint(ref message);
            if ((tag & 7) == 2)
            {
                var length = (int)ReadVarint(ref message);
                message = message[length..];
                continue;
            }

            var value = ReadVarint(ref message);
            if (tag >> 3 == 1) answer = (Answer)value; // numbered as in the contract
            else if (tag >> 3 == 5) replayed = value != 0;
        }

        return (answer, replayed);
    }

    private static ReadOnlySpan<byte> Result(ReadOnlySpan<byte> response)
    {
        while (response.Length > 0)
        {
            var tag = ReadVarint(ref response);
            var length = (int)ReadVarint(ref response);
            if (tag == 0x0a) return response[..length];
            response = response[length..];
        }

        return [];
    }

    private static int Varint(Span<byte> to, ulong value)
    {
        var at = 0;
        for (; value >= 128; value >>= 7) to[at++] = (byte)(value | 128);
        to[at++] = (byte)value;
        return at;
    }

    private static ulong ReadVarint(ref ReadOnlySpan<byte> from)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = from[0];
            from = from[1..];
            value |= (ulong)(next & 127) << shift;
            if (next < 128) return value;
        }
    }
}
