using Grpc.Core;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>Every kind of call between the genuine client and the genuine server, over the stand-ins.</summary>
public class CallKindTests
{
    [Fact]
    public async Task A_unary_call_is_answered()
    {
        await using var host = await EchoHost.StartAsync();
        var reply = await host.Client.UnaryAsync(new EchoRequest { Text = "lot 1" });
        Assert.Equal("lot 1", reply.Text);
    }

    [Fact]
    public async Task A_blocking_unary_call_is_answered()
    {
        await using var host = await EchoHost.StartAsync();
        Assert.Equal("lot 1", host.Client.Unary(new EchoRequest { Text = "lot 1" }).Text);
    }

    [Fact]
    public async Task A_stream_of_responses_is_read_to_its_end()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.ServerStream(new EchoRequest { Text = "bid", Count = 1000 });
        var texts = new List<string>();
        await foreach (var reply in call.ResponseStream.ReadAllAsync())
        {
            texts.Add(reply.Text);
        }

        Assert.Equal(Enumerable.Repeat("bid", 1000), texts);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task A_stream_of_requests_is_answered_once()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.ClientStream();
        foreach (var text in new[] { "a", "b", "c" })
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = text });
        }

        await call.RequestStream.CompleteAsync();
        Assert.Equal("a,b,c", (await call).Text);
    }

    [Fact]
    public async Task Two_streams_answer_message_by_message()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Duplex();
        foreach (var text in new[] { "a", "b", "c" })
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = text });
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
            Assert.Equal(text, call.ResponseStream.Current.Text);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None));
    }
}
