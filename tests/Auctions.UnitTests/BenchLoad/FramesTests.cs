using System.Buffers.Binary;
using Auctions.Benchmarks.Load;

namespace Auctions.UnitTests.BenchLoad;

/// <summary>Frame headers byte for byte as RFC 9113 lays them out, and what a connection opens with.</summary>
public sealed class FramesTests
{
    [Theory]
    [InlineData(0, Frames.Settings, Frames.Ack, 0, "000000040100000000")]
    [InlineData(8, Frames.Ping, 0, 0, "000008060000000000")]
    [InlineData(0x012345, Frames.Headers, Frames.EndHeaders | Frames.EndStream, 0x0a0b0c0d, "01234501050a0b0c0d")]
    [InlineData(0xffffff, Frames.WindowUpdate, 0xff, int.MaxValue, "ffffff08ff7fffffff")]
    internal void A_header_is_written_and_read_as_the_RFC_lays_it_out(int length, byte type, byte flags, int stream, string hex)
    {
        var bytes = Convert.FromHexString(hex);
        var written = new byte[Frames.HeaderLength];
        Array.Fill(written, (byte)0xaa);
        Frames.WriteHeader(written, length, type, flags, stream);
        Assert.Equal(bytes, written);
        Assert.Equal((length, type, flags, stream), Frames.ReadHeader(bytes));
    }

    [Fact]
    public void The_streams_reserved_bit_is_passed_over() =>
        Assert.Equal(7, Frames.ReadHeader(Convert.FromHexString("000000000080000007")).Stream);

    /// <summary>RFC 9113, 3.4: the preface. Then settings, and the connection's window raised to the most that is allowed.</summary>
    [Fact]
    public void A_connection_opens_with_the_preface_and_two_whole_frames()
    {
        var preface = Convert.FromHexString("505249202a20485454502f322e300d0a0d0a534d0d0a0d0a");
        Assert.Equal(preface, Frames.Opening[..preface.Length]);
        var settings = Frames.Opening.AsSpan(preface.Length);
        var (length, type, flags, stream) = Frames.ReadHeader(settings);
        Assert.Equal((Frames.Settings, 0, 0), (type, flags, stream));
        var said = new Dictionary<int, uint>();
        for (var at = Frames.HeaderLength; at < Frames.HeaderLength + length; at += 6)
            said.Add(BinaryPrimitives.ReadUInt16BigEndian(settings[at..]), BinaryPrimitives.ReadUInt32BigEndian(settings[(at + 2)..]));
        Assert.Equal(new Dictionary<int, uint> { [1] = 0, [2] = 0, [4] = int.MaxValue }, said);

        var window = settings[(Frames.HeaderLength + length)..];
        Assert.Equal((4, Frames.WindowUpdate, 0, 0), Frames.ReadHeader(window));
        Assert.Equal(int.MaxValue, 65_535 + BinaryPrimitives.ReadInt32BigEndian(window[Frames.HeaderLength..]));
        Assert.Equal(Frames.HeaderLength + 4, window.Length);
    }
}
