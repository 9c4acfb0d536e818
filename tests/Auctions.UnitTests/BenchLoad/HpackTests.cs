using System.Text;
using Auctions.Benchmarks.Load;

namespace Auctions.UnitTests.BenchLoad;

/// <summary>The load's request headers as a server reads them, and the statuses that it finds in a server's blocks.</summary>
public sealed class HpackTests
{
    private const string Authority = "127.0.0.1:5001", Path = "/auctions.v1.BiddingService/PlaceBid";

    /// <summary>RFC 7541, C.5.1 and C.6.1: the same four fields of a response, plain and Huffman-coded.</summary>
    private const string PlainFields =
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
        + "6e1768747470733a2f2f7777772e6578616d706c652e636f6d";
    private const string HuffmanFields =
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3";

    private static readonly (string, string)[] Constant =
    [
        (":method", "POST"), (":scheme", "http"), (":path", Path), (":authority", Authority),
        ("content-type", "application/grpc"), ("te", "trailers"),
    ];

    [Fact]
    public void The_decoder_of_these_tests_reads_the_RFCs_own_examples()
    {
        var decoder = new HeaderDecoder(); // C.3: three requests of one connection
        Assert.Equal(
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
            decoder.Decode(Convert.FromHexString("828684410f7777772e6578616d706c652e636f6d")));
        Assert.Equal(
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com"), ("cache-control", "no-cache")],
            decoder.Decode(Convert.FromHexString("828684be58086e6f2d6361636865")));
        Assert.Equal(
            [(":method", "GET"), (":scheme", "https"), (":path", "/index.html"), (":authority", "www.example.com"), ("custom-key", "custom-value")],
            decoder.Decode(Convert.FromHexString("828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565")));
        Assert.Equal(
            [("custom-key", "custom-value"), ("cache-control", "no-cache"), (":authority", "www.example.com")], decoder.Table);
        Assert.Equal([(":path", "/sample/path")], decoder.Decode(Convert.FromHexString("040c2f73616d706c652f70617468"))); // C.2.2
    }

    [Fact]
    public void The_first_request_says_everything()
    {
        var fields = new HeaderDecoder().Decode(Hpack.FirstRequest(Authority, Path, Hpack.Authorization("abc.def")));
        Assert.Equal([.. Constant, ("authorization", "Bearer abc.def")], fields);
    }

    [Fact]
    public void Later_requests_say_the_same_with_tokens_of_their_own()
    {
        var server = new HeaderDecoder();
        server.Decode(Hpack.FirstRequest(Authority, Path, Hpack.Authorization("first")));
        for (var bidder = 0; bidder < 3; bidder++)
            Assert.Equal([.. Constant, ("authorization", $"Bearer {bidder}")], server.Decode(Hpack.Request(Hpack.Authorization($"{bidder}"))));
    }

    [Fact]
    public void A_token_takes_no_place_in_the_servers_table()
    {
        var server = new HeaderDecoder();
        server.Decode(Hpack.FirstRequest(Authority, Path, Hpack.Authorization("first")));
        server.Decode(Hpack.Request(Hpack.Authorization("second")));
        Assert.Equal([("te", "trailers"), ("content-type", "application/grpc"), (":authority", Authority), (":path", Path)], server.Table);
    }

    /// <summary>At 127 the length no longer fits the prefix, at 255 one more byte does not do, at 16,511 two do not.</summary>
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
        Assert.Equal([("authorization", value)], new HeaderDecoder().Decode(Hpack.Authorization(value["Bearer ".Length..])));
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
    public void A_status_is_read_whatever_is_said_about_keeping_it(byte form) => Assert.Equal(14, Hpack.GrpcStatus(Status("14", form)));

    [Theory]
    [InlineData("88", "an indexed field")]
    [InlineData("bf", "an indexed field whose number would fill six bits")]
    [InlineData("ff8001", "an indexed field whose number takes three bytes")]
    [InlineData("20", "the table's size: none")]
    [InlineData("2f", "the table's size: 15, which would fill four bits")]
    [InlineData("3f9a0a", "the table's size: 1337 (RFC 7541, C.1.2)")]
    [InlineData("203fe11f", "the table's size, twice")]
    [InlineData("0f0d0130", "a literal whose name is entry 28")]
    [InlineData("1f0d0130", "the same, never to be kept")]
    [InlineData("4f0130", "a literal to be kept whose name is entry 15, which would fill four bits")]
    [InlineData("7f00023131", "a literal to be kept whose name is entry 63")]
    [InlineData("0f1000", "an empty value")]
    [InlineData("400a637573746f6d2d6b65790d637573746f6d2d686561646572", "a literal with its name (C.2.1)")]
    [InlineData("100870617373776f726406736563726574", "one never to be kept (C.2.3)")]
    [InlineData(PlainFields, "four literals")]
    [InlineData(HuffmanFields, "four literals, Huffman-coded")]
    [InlineData("0f100b677270632d737461747573", "a value that reads grpc-status")]
    public void What_stands_before_the_status_is_passed_over(string hex, string what)
    {
        var before = Convert.FromHexString(hex);
        Assert.True(Hpack.GrpcStatus([.. before, .. Status("9")]) == 9, what);
        Assert.True(Hpack.GrpcStatus([.. before, .. before, .. Status("9"), .. before]) == 9, $"{what}, around it");
        Assert.True(Hpack.GrpcStatus(before) == -1, $"{what}, and no status");
    }

    [Theory]
    [InlineData(126, "7e")]
    [InlineData(127, "7f00")]
    [InlineData(254, "7f7f")]
    [InlineData(255, "7f8001")]
    [InlineData(20_000, "7fa19b01")]
    public void A_long_value_before_the_status_is_passed_over(int length, string lengthHex)
    {
        byte[] message = [0x00, 12, .. "grpc-message"u8, .. Convert.FromHexString(lengthHex), .. Enumerable.Repeat((byte)'m', length)];
        Assert.Equal(13, Hpack.GrpcStatus([.. message, .. Status("13")]));
    }

    [Fact]
    public void An_absent_status_is_minus_one()
    {
        Assert.Equal(-1, Hpack.GrpcStatus([]));
        Assert.Equal(-1, Hpack.GrpcStatus([0x88, 0x00, 11, .. "grpc-statue"u8, 1, (byte)'0']));
        Assert.Equal(-1, Hpack.GrpcStatus([0x88, 0x00, 12, .. "grpc-status2"u8, 1, (byte)'0']));
    }

    /// <summary>No digits must not read as 0, which is success; nor must a sign or a space, or a Huffman-coded value, pass for digits.</summary>
    [Theory]
    [InlineData("00")]
    [InlineData("8107")]
    [InlineData("023a30")]
    [InlineData("022f30")]
    [InlineData("022d30")]
    [InlineData("022030")]
    public void A_status_that_is_no_number_is_a_fault(string value) => Assert.Throws<InvalidDataException>(
        () => Hpack.GrpcStatus([0x00, 11, .. "grpc-status"u8, .. Convert.FromHexString(value)]));

    private static byte[] Status(string value, byte form = 0) =>
        [form, 11, .. "grpc-status"u8, (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];
}
