using System.Collections.Concurrent;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.DependencyInjection;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>Interceptors go around every kind of call, in order, on either side of a real connection.</summary>
public class InterceptorTests
{
    private readonly ConcurrentQueue<string> seen = new();
    private readonly ConcurrentQueue<string> via = new();

    [Fact]
    public async Task A_clients_interceptors_run_in_the_order_given_on_all_kinds_of_calls()
    {
        await using var host = await StartAsync();
        await CallAllKindsAsync(new Echo.EchoClient(host.Channel.Intercept(Recording("a"), Recording("b"))));
        Assert.Equal(
            [
                "a blocking", "b blocking", "a unary", "b unary", "a server stream", "b server stream",
                "a client stream", "b client stream", "a duplex", "b duplex",
            ],
            seen);
        Assert.Equal(Enumerable.Repeat("a, b", 5), via);
    }

    [Fact]
    public async Task The_interceptor_that_is_put_on_last_runs_first()
    {
        await using var host = await StartAsync();
        var invoker = host.Channel.CreateCallInvoker().Intercept(Recording("inner")).Intercept(Recording("outer"));
        await new Echo.EchoClient(invoker).UnaryAsync(new EchoRequest());
        Assert.Equal(["outer unary", "inner unary"], seen);
    }

    [Fact]
    public async Task No_interceptors_change_nothing()
    {
        await using var host = await StartAsync();
        await CallAllKindsAsync(new Echo.EchoClient(host.Channel.CreateCallInvoker().Intercept()));
        Assert.Empty(seen);
    }

    [Fact]
    public async Task A_function_of_the_headers_sees_all_kinds_of_calls()
    {
        await using var host = await StartAsync();
        await CallAllKindsAsync(new Echo.EchoClient(host.Channel.Intercept(headers =>
        {
            headers.Add("via", "function");
            return headers;
        })));
        Assert.Equal(Enumerable.Repeat("function", 5), via);
    }

    [Fact]
    public async Task A_servers_interceptors_run_in_the_order_given_on_all_kinds_of_calls()
    {
        await using var host = await EchoHost.StartAsync(
            options =>
            {
                options.Interceptors.Add<RecordingInterceptor>("a");
                options.Interceptors.Add<RecordingInterceptor>("b");
            },
            services => services.AddSingleton(seen));
        await CallAllKindsAsync(host.Client);
        Assert.Equal(
            [
                "a unary", "b unary", "a unary", "b unary", "a server stream", "b server stream",
                "a client stream", "b client stream", "a duplex", "b duplex",
            ],
            seen);
    }

    [Fact]
    public async Task A_client_names_a_host_in_all_kinds_of_calls()
    {
        await using var host = await StartAsync();
        var client = new Echo.EchoClient(host.Channel.Intercept(Recording("a")));
        await CallAllKindsAsync(client.WithHost("bids"));
        Assert.Equal(["a blocking bids", "a unary bids", "a server stream bids", "a client stream bids", "a duplex bids"], seen);
        seen.Clear();
        await client.WithHost("bids").WithHost("others").UnaryAsync(new EchoRequest());
        Assert.Equal(["a unary others"], seen);
    }

    [Fact]
    public async Task A_server_interceptor_may_answer_in_the_handlers_place()
    {
        await using var host = await EchoHost.StartAsync(options => options.Interceptors.Add<RefusingInterceptor>());
        var refused = await Assert.ThrowsAsync<RpcException>(() => host.Client.UnaryAsync(new EchoRequest()).ResponseAsync);
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
    }

    [Fact]
    public void A_null_is_refused()
    {
        Assert.Throws<ArgumentNullException>(() => ((CallInvoker)null!).Intercept(Recording("a")));
        Assert.Throws<ArgumentNullException>(() => ((ChannelBase)null!).Intercept(Recording("a")));
    }

    private static async Task CallAllKindsAsync(Echo.EchoClient client)
    {
        Assert.Equal("1", client.Unary(new EchoRequest { Text = "1" }).Text);
        Assert.Equal("2", (await client.UnaryAsync(new EchoRequest { Text = "2" })).Text);

        using var fromServer = client.ServerStream(new EchoRequest { Text = "3", Count = 1 });
        Assert.Equal(["3"], await ReadAsync(fromServer.ResponseStream));

        using var toServer = client.ClientStream();
        await toServer.RequestStream.WriteAsync(new EchoRequest { Text = "4" });
        await toServer.RequestStream.CompleteAsync();
        Assert.Equal("4", (await toServer).Text);

        using var both = client.Duplex();
        await both.RequestStream.WriteAsync(new EchoRequest { Text = "5" });
        await both.RequestStream.CompleteAsync();
        Assert.Equal(["5"], await ReadAsync(both.ResponseStream));
    }

    private static async Task<List<string>> ReadAsync(IAsyncStreamReader<EchoReply> stream)
    {
        var texts = new List<string>();
        while (await stream.MoveNext())
        {
            texts.Add(stream.Current.Text);
        }

        return texts;
    }

    private async Task<EchoHost> StartAsync()
    {
        var host = await EchoHost.StartAsync();
        host.Behaviour.BeforeAnswer = context =>
        {
            var names = context.RequestHeaders.GetAll("via").Select(entry => entry.Value).ToList();
            if (names.Count > 0)
            {
                via.Enqueue(string.Join(',', names));
            }

            return Task.CompletedTask;
        };
        return host;
    }

    private RecordingInterceptor Recording(string name) => new(name, seen);

    private sealed class RefusingInterceptor : Interceptor
    {
        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
            throw new RpcException(new Status(StatusCode.PermissionDenied, "no"));
    }
}
