using System.IO.Compression;
using System.Net;
using System.Text;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.IntegrationTests.GrpcWeb;
using Auctions.IntegrationTests.Hosting;
using Auctions.IntegrationTests.Servers;
using Auctions.V1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using static Auctions.IntegrationTests.Limits.RawCalls;

namespace Auctions.IntegrationTests.Limits;

/// <summary>
/// Requests that no gRPC client sends. None is UNKNOWN or INTERNAL, and none costs more than its own call.
/// </summary>
public sealed class MalformedCallTests : IAsyncLifetime
{
    private static readonly byte[] Good = new PlaceBidRequest { AuctionId = "a" }.ToByteArray();
    private static readonly byte[] Broken = [0xff, 0xff, 0xff];

    private ProbeHost _host = null!;
    private RawCalls _calls = null!;

    public async Task InitializeAsync()
    {
        _host = await ProbeHost.StartAsync("--Listen:GrpcWeb=127.0.0.1:0", "--Limits:RequestTimeoutMs=400");
        _calls = new RawCalls(_host.App.Urls.First());
    }

    public async Task DisposeAsync()
    {
        _calls.Dispose();
        await _host.DisposeAsync();
    }

    public static TheoryData<string, byte[]> Malformed => new()
    {
        { "no message", [] },
        { "half a prefix", [0, 0] },
        { "a message that is cut off", Framed(Good, length: 100) },
        { "no valid protobuf", Framed(Broken) },
        { "a field whose length is beyond the end", Framed([0x0a, 0x7f, 0x41]) },
        { "text that is no UTF-8", Framed([0x0a, 0x02, 0xc3, 0x28]) },
        { "flag 2", Framed(Good, flag: 2) },
        { "flag 255", Framed(Good, flag: 255) },
        { "compressed by nothing", Framed(Good, flag: 1) },
        { "a length over the limit", Framed(Good, length: ListenOptions.MaxMessageBytes + 1) },
        { "a length of 2 GiB", Framed(Good, length: int.MaxValue) },
        { "a length of 4 GiB", Framed(Good, length: uint.MaxValue) },
        { "two messages", [.. Framed(Good), .. Framed(Good)] },
        { "a message and a byte", [.. Framed(Good), 0] },
        { "a long message", Framed(new byte[4 * ListenOptions.MaxMessageBytes]) },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task A_unary_request_that_is_no_message_is_invalid(string what, byte[] body)
    {
        var answer = await _calls.CallAsync(PlaceBid, body, Token());
        Assert.True(answer.Status == StatusCode.InvalidArgument, $"{what}: {answer}");
        Assert.Equal((HttpStatusCode.OK, RpcErrors.MessageInvalidReason), (answer.Http, answer.Reason));
        await StillServesAsync();
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task So_is_one_of_a_web_page(string what, byte[] body)
    {
        using var client = new GrpcWebClient(_host.App.Urls.Last());
        foreach (var (type, bytes) in new[]
        {
            (GrpcWebClient.Binary, body),
            (GrpcWebClient.Text, Encoding.ASCII.GetBytes(Convert.ToBase64String(body))),
        })
        {
            using var response = await client.CallAsync(OpenRead, type, bytes);
            await response.ReadAllAsync();
            var status = response.Trailers["grpc-status"];
            Assert.True(status == "3", $"{what} as {type}: {status}");
            Assert.Equal((HttpStatusCode.OK, type), (response.Http.StatusCode, response.ContentType));
        }
    }

    [Fact]
    public async Task A_message_that_cannot_be_decompressed_is_invalid()
    {
        foreach (var content in new[] { Broken, Compressed(Good)[..^9], Compressed(new byte[10_000_000]) })
        {
            var answer = await _calls.CallAsync(PlaceBid, Framed(content, flag: 1), Token(("grpc-encoding", "gzip")));
            Assert.Equal(StatusCode.InvalidArgument, answer.Status);
        }

        var nothing = await _calls.CallAsync(PlaceBid, Framed(Good, flag: 1), Token(("grpc-encoding", "identity")));
        Assert.Equal(StatusCode.InvalidArgument, nothing.Status);
        var valid = await _calls.CallAsync(PlaceBid, Framed(Compressed(Good), 1), Token(("grpc-encoding", "gzip")));
        Assert.Equal(StatusCode.OK, valid.Status);
    }

    [Fact]
    public async Task An_unknown_compression_is_unimplemented_and_the_known_ones_are_told()
    {
        using var response = await _calls.SendAsync(
            PlaceBid, new ByteArrayContent(Framed(Good, flag: 1)), Token(("grpc-encoding", "br")));
        Assert.Equal("identity,gzip", response.Headers.GetValues("grpc-accept-encoding").Single());
        var answer = await RawAnswer.ReadAsync(response);
        Assert.Equal((StatusCode.Unimplemented, "COMPRESSION_UNKNOWN"), (answer.Status, answer.Reason));
    }

    [Theory]
    [InlineData("999999999H")]
    [InlineData("99999999999999999999S")]
    [InlineData("-1S")]
    [InlineData("1")]
    [InlineData("H")]
    [InlineData("1h")]
    [InlineData("1.5S")]
    [InlineData("1S,2S")]
    public async Task A_timeout_that_is_none_is_invalid(string timeout)
    {
        var answer = await _calls.CallAsync(PlaceBid, Framed(Good), Token(("grpc-timeout", timeout)));
        Assert.Equal((StatusCode.InvalidArgument, RpcErrors.FieldInvalid), (answer.Status, answer.Reason));
    }

    [Theory]
    [InlineData("99999999H")]
    [InlineData("1M")]
    public async Task The_longest_timeout_is_valid(string timeout)
    {
        var answer = await _calls.CallAsync(PlaceBid, Framed(Good), Token(("grpc-timeout", timeout)));
        Assert.Equal(StatusCode.OK, answer.Status);
    }

    [Fact]
    public async Task A_content_type_that_is_not_gRPC_is_neither_unknown_nor_internal()
    {
        using var http = new HttpClient { DefaultRequestVersion = HttpVersion.Version20 };
        http.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        var address = new Uri(new Uri(_host.App.Urls.First()), OpenRead);
        using var answer = await http.PostAsync(address, new StringContent("{}", Encoding.UTF8, "application/json"));
        Assert.Equal("3", answer.Headers.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task A_body_that_never_ends_ends_its_call_alone()
    {
        foreach (var begun in new byte[][] { [], [0, 0], Framed(Good, length: 100), Framed(Good) })
        {
            var answer = await _calls.CallAsync(PlaceBid, new EndlessContent(begun), Token());
            Assert.Equal((StatusCode.DeadlineExceeded, "REQUEST_INCOMPLETE"), (answer.Status, answer.Reason));
            await StillServesAsync();
        }
    }

    [Fact]
    public async Task A_message_of_a_stream_that_stops_arriving_ends_the_stream_and_a_quiet_stream_stays_open()
    {
        using var quiet = _host.Client.PlaceBids(Token());
        var answer = await _calls.CallAsync(PlaceBids, new EndlessContent(Framed(Good, length: 100)), Token());
        Assert.Equal((StatusCode.DeadlineExceeded, "REQUEST_INCOMPLETE"), (answer.Status, answer.Reason));

        var response = quiet.ResponseStream.MoveNext(CancellationToken.None);
        await quiet.RequestStream.CompleteAsync();
        Assert.False(await Eventually.EndsAsync(response));
    }

    [Fact]
    public async Task A_bad_message_of_a_stream_is_invalid()
    {
        foreach (var bad in new[] { Framed(Broken), Framed(Good, flag: 7), Framed(Good, length: 100), [0] })
        {
            var answer = await _calls.CallAsync(PlaceBids, bad, Token());
            Assert.Equal(
                (StatusCode.InvalidArgument, RpcErrors.MessageInvalidReason), (answer.Status, answer.Reason));
        }
    }

    [Fact]
    public async Task Headers_over_the_limit_cost_the_call_and_not_the_service()
    {
        using var response = await _calls.SendAsync(PlaceBid, new ByteArrayContent(Framed(Good)),
            Token(("x-large", new string('x', ListenOptions.MaxHeaderBytes))));
        Assert.Equal(HttpStatusCode.RequestHeaderFieldsTooLarge, response.StatusCode);
        await StillServesAsync();
    }

    [Fact]
    public async Task Bad_input_writes_at_most_a_line_a_second_and_no_stack_trace()
    {
        var began = TimeProvider.System.GetTimestamp();
        for (var i = 0; i < 100; i++)
        {
            await _calls.CallAsync(PlaceBid, Framed(Broken), Token());
            await _calls.CallAsync(PlaceBids, Framed(Good, flag: 9), Token());
            await _calls.CallAsync(PlaceBid, Framed(Good), TestStack.Bearer("nonsense"));
        }

        var seconds = (int)TimeProvider.System.GetElapsedTime(began).TotalSeconds + 2;
        var lines = _host.Log.Lines.Where(l => l.Level >= LogLevel.Information).ToList();
        Assert.DoesNotContain(lines, l => l.Text.Contains("   at ", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => l.Level >= LogLevel.Warning);
        foreach (var kind in (string[])["Requests that are not valid gRPC", "Tokens are refused"])
        {
            Assert.InRange(
                lines.Count(l => l.Text.StartsWith(kind, StringComparison.Ordinal)), 1, seconds);
        }
    }

    private async Task StillServesAsync()
    {
        var answer = await _calls.CallAsync(PlaceBid, Framed(Good), Token());
        Assert.Equal(StatusCode.OK, answer.Status);
    }

    private static Metadata Token(params (string Key, string Value)[] more)
    {
        var headers = TestStack.Headers("ann", Roles.Bidder);
        foreach (var (key, value) in more) headers.Add(key, value);
        return headers;
    }

    private static byte[] Compressed(byte[] content)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest)) gzip.Write(content);
        return output.ToArray();
    }

    /// <summary>Sends its beginning, and then nothing until the call ends.</summary>
    private sealed class EndlessContent(byte[] beginning) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(
            Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(beginning, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
