using System.Buffers.Binary;
using System.Text;
using Auctions.Benchmarks.Load;

namespace Auctions.UnitTests.BenchLoad;

/// <summary>Frame headers as RFC 9113 defines them, byte for byte, and the first bytes of a connection.</summary>
public sealed class FramesTests
{
    [Theory]
    [InlineData(0, Frames.Settings, Frames.Ack, 0, "000000040100000000")]
    [InlineData(8, Frames.Ping, 0, 0, "000008060000000000")]
    [InlineData(0x012345, Frames.Headers, Frames.EndHeaders | Frames.EndStream, 0x0a0b0c0d, "01234501050a0b0c0d")]
    [InlineData(0xffffff, Frames.WindowUpdate, 0xff, int.MaxValue, "ffffff08ff7fffffff")]
    internal void A_header_is_written_and_read_as_the_RFC_defines_it(
        int length, byte type, byte flags, int stream, string hex)
    {
        var bytes = Convert.FromHexString(hex);
        var written = new byte[Frames.HeaderLength];
        Array.Fill(written, (byte)0xaa);
        Frames.WriteHeader(written, length, type, flags, stream);
        Assert.Equal(bytes, written);
        Assert.Equal((length, type, flags, stream), Frames.ReadHeader(bytes));
    }

    [Fact]
    public void The_reserved_bit_of_the_stream_is_ignored() =>
        Assert.Equal(7, Frames.ReadHeader(Convert.FromHexString("000000000080000007")).Stream);

    /// <summary>
    /// RFC 9113, 3.4: the preface. Then the settings, and the connection's window is raised to the allowed maximum.
    /// </summary>
    [Fact]
    public void A_connection_opens_with_the_preface_and_two_whole_frames()
    {
        var preface = Convert.FromHexString("505249202a20485454502f322e300d0a0d0a534d0d0a0d0a");
        Assert.Equal(preface, Frames.Opening[..preface.Length]);
        var settings = Frames.Opening.AsSpan(preface.Length);
        var (length, type, flags, stream) = Frames.ReadHeader(settings);
        Assert.Equal((Frames.Settings, 0, 0), (type, flags, stream));
        var values = new Dictionary<int, uint>();
        for (var at = Frames.HeaderLength; at < Frames.HeaderLength + length; at += 6)
        {
            values.Add(
                BinaryPrimitives.ReadUInt16BigEndian(settings[at..]),
                BinaryPrimitives.ReadUInt32BigEndian(settings[(at + 2)..]));
        }

        Assert.Equal(new Dictionary<int, uint> { [1] = 0, [2] = 0, [4] = int.MaxValue }, values);

        var window = settings[(Frames.HeaderLength + length)..];
        Assert.Equal((4, Frames.WindowUpdate, 0, 0), Frames.ReadHeader(window));
        Assert.Equal(int.MaxValue, 65_535 + BinaryPrimitives.ReadInt32BigEndian(window[Frames.HeaderLength..]));
        Assert.Equal(Frames.HeaderLength + 4, window.Length);
    }
}

/// <summary>
/// The load's request headers as a server reads them, and the statuses that the load reads from a server's header
/// blocks.
/// </summary>
public sealed class HpackTests
{
    private const string Authority = "127.0.0.1:5001", Path = "/auctions.v1.BiddingService/PlaceBid";

    /// <summary>RFC 7541, C.5.1 and C.6.1: the same four fields of a response, plain and Huffman-coded.</summary>
    private const string PlainFields =
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
        + "6e1768747470733a2f2f7777772e6578616d706c652e636f6d";
    private const string HuffmanFields =
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae"
        + "43d3";

    private static readonly (string, string)[] Constant =
    [
        (":method", "POST"), (":scheme", "http"), (":path", Path), (":authority", Authority),
        ("content-type", "application/grpc"), ("te", "trailers"),
    ];

    [Fact]
    public void The_decoder_of_these_tests_reads_the_RFCs_own_examples()
    {
        var decoder = new HpackDecoder(); // C.3: three requests of one connection
        Assert.Equal(
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
            decoder.Decode(Convert.FromHexString("828684410f7777772e6578616d706c652e636f6d")));
        Assert.Equal(
            [
                (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com"),
                ("cache-control", "no-cache"),
            ],
            decoder.Decode(Convert.FromHexString("828684be58086e6f2d6361636865")));
        Assert.Equal(
            [
                (":method", "GET"), (":scheme", "https"), (":path", "/index.html"), (":authority", "www.example.com"),
                ("custom-key", "custom-value"),
            ],
            decoder.Decode(Convert.FromHexString("828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565")));
        Assert.Equal(
            [("custom-key", "custom-value"), ("cache-control", "no-cache"), (":authority", "www.example.com")],
            decoder.Table);
        var literal = Convert.FromHexString("040c2f73616d706c652f70617468"); // C.2.2
        Assert.Equal([(":path", "/sample/path")], decoder.Decode(literal));
    }

    [Fact]
    public void The_first_request_has_every_field()
    {
        var fields = new HpackDecoder().Decode(Hpack.FirstRequest(Authority, Path, Hpack.Authorization("abc.def")));
        Assert.Equal([.. Constant, ("authorization", "Bearer abc.def")], fields);
    }

    [Fact]
    public void Later_requests_have_the_same_fields_and_their_own_tokens()
    {
        var server = new HpackDecoder();
        server.Decode(Hpack.FirstRequest(Authority, Path, Hpack.Authorization("first")));
        for (var bidder = 0; bidder < 3; bidder++)
        {
            Assert.Equal(
                [.. Constant, ("authorization", $"Bearer {bidder}")],
                server.Decode(Hpack.Request(Hpack.Authorization($"{bidder}"))));
        }
    }

    [Fact]
    public void A_token_is_not_added_to_the_servers_table()
    {
        var server = new HpackDecoder();
        server.Decode(Hpack.FirstRequest(Authority, Path, Hpack.Authorization("first")));
        server.Decode(Hpack.Request(Hpack.Authorization("second")));
        Assert.Equal(
            [("te", "trailers"), ("content-type", "application/grpc"), (":authority", Authority), (":path", Path)],
            server.Table);
    }

    /// <summary>
    /// From 127 on the length no longer fits into the prefix, from 255 on not into one more byte, from 16,511 on not
    /// into two.
    /// </summary>
    [Theory]
    [InlineData(126)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(254)]
    [InlineData(255)]
    [InlineData(256)]
    [InlineData(16_510)]
    [InlineData(16_511)]
    public void A_token_of_any_length_arrives_whole(int length)
    {
        var value = "Bearer " + new string('t', length - 8) + '.';
        var block = Hpack.Authorization(value["Bearer ".Length..]);
        Assert.Equal([("authorization", value)], new HpackDecoder().Decode(block));
    }

    [Fact]
    public void Every_status_is_read()
    {
        for (var status = 0; status <= 16; status++) Assert.Equal(status, Hpack.GrpcStatus(Status($"{status}")));
    }

    [Theory]
    [InlineData(0x00)]
    [InlineData(0x10)]
    [InlineData(0x40)]
    public void A_status_is_read_in_every_form_of_a_literal(byte form) =>
        Assert.Equal(14, Hpack.GrpcStatus(Status("14", form)));

    [Theory]
    [InlineData("88", "an indexed field")]
    [InlineData("bf", "an indexed field whose number fills six bits")]
    [InlineData("ff8001", "an indexed field whose number takes three bytes")]
    [InlineData("20", "the table's size: none")]
    [InlineData("2f", "the table's size: 15, which fills four bits")]
    [InlineData("3f9a0a", "the table's size: 1337 (RFC 7541, C.1.2)")]
    [InlineData("203fe11f", "the table's size, twice")]
    [InlineData("0f0d0130", "a literal whose name is entry 28")]
    [InlineData("1f0d0130", "the same, never to be kept")]
    [InlineData("4f0130", "a literal to be kept whose name is entry 15, which fills four bits")]
    [InlineData("7f00023131", "a literal to be kept whose name is entry 63")]
    [InlineData("0f1000", "an empty value")]
    [InlineData("400a637573746f6d2d6b65790d637573746f6d2d686561646572", "a literal with its name (C.2.1)")]
    [InlineData("100870617373776f726406736563726574", "one never to be kept (C.2.3)")]
    [InlineData(PlainFields, "four literals")]
    [InlineData(HuffmanFields, "four literals, Huffman-coded")]
    [InlineData("0f100b677270632d737461747573", "a value that reads grpc-status")]
    public void Fields_before_the_status_are_skipped(string hex, string what)
    {
        var before = Convert.FromHexString(hex);
        Assert.True(Hpack.GrpcStatus([.. before, .. Status("9")]) == 9, what);
        byte[] around = [.. before, .. before, .. Status("9"), .. before];
        Assert.True(Hpack.GrpcStatus(around) == 9, $"{what}, before and after it");
        Assert.True(Hpack.GrpcStatus(before) == -1, $"{what}, without a status");
    }

    [Theory]
    [InlineData(126, "7e")]
    [InlineData(127, "7f00")]
    [InlineData(254, "7f7f")]
    [InlineData(255, "7f8001")]
    [InlineData(20_000, "7fa19b01")]
    public void A_long_value_before_the_status_is_skipped(int length, string lengthHex)
    {
        byte[] message =
        [
            0x00, 12, .. "grpc-message"u8, .. Convert.FromHexString(lengthHex), .. Enumerable.Repeat((byte)'m', length),
        ];
        Assert.Equal(13, Hpack.GrpcStatus([.. message, .. Status("13")]));
    }

    [Fact]
    public void A_missing_status_is_minus_one()
    {
        Assert.Equal(-1, Hpack.GrpcStatus([]));
        Assert.Equal(-1, Hpack.GrpcStatus([0x88, 0x00, 11, .. "grpc-statue"u8, 1, (byte)'0']));
        Assert.Equal(-1, Hpack.GrpcStatus([0x88, 0x00, 12, .. "grpc-status2"u8, 1, (byte)'0']));
    }

    /// <summary>
    /// An empty value must not read as 0, which is success. A sign, a space or a Huffman-coded value must not read as
    /// digits.
    /// </summary>
    [Theory]
    [InlineData("00")]
    [InlineData("8107")]
    [InlineData("023a30")]
    [InlineData("022f30")]
    [InlineData("022d30")]
    [InlineData("022030")]
    public void A_status_that_is_not_a_number_is_an_error(string value) => Assert.Throws<InvalidDataException>(
        () => Hpack.GrpcStatus([0x00, 11, .. "grpc-status"u8, .. Convert.FromHexString(value)]));

    private static byte[] Status(string value, byte form = 0) =>
        [form, 11, .. "grpc-status"u8, (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];
}
