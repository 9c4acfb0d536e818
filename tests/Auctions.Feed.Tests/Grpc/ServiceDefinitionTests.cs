using Grpc.Core;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>What binds a service, and what clients and servers know of each other.</summary>
public class ServiceDefinitionTests
{
    [Fact]
    public void A_service_is_bound_method_by_method()
    {
        var binder = new NamingBinder();
        Echo.BindService(new EchoService(new EchoBehaviour())).BindService(binder);
        Assert.Equal(
            [
                "Unary /auctions.feed.tests.Echo/Unary", "ServerStreaming /auctions.feed.tests.Echo/ServerStream",
                "ClientStreaming /auctions.feed.tests.Echo/ClientStream", "DuplexStreaming /auctions.feed.tests.Echo/Duplex",
            ],
            binder.Names);
    }

    [Fact]
    public void A_method_is_defined_once()
    {
        var method = new Method<string, string>(
            MethodType.Unary, "s", "m", Marshallers.StringMarshaller, Marshallers.StringMarshaller);
        UnaryServerMethod<string, string> handler = (request, _) => Task.FromResult(request);
        var builder = ServerServiceDefinition.CreateBuilder().AddMethod(method, handler);
        Assert.Throws<ArgumentException>(() => builder.AddMethod(method, handler));
    }

    [Fact]
    public void A_binder_refuses_what_it_does_not_override() => Assert.Throws<NotImplementedException>(
        () => Echo.BindService(new EchoService(new EchoBehaviour())).BindService(new ServiceBinderBase()));

    [Fact]
    public void The_generated_base_names_its_binding()
    {
        var binding = Assert.Single(typeof(EchoService).GetCustomAttributes(typeof(BindServiceMethodAttribute), inherit: true));
        var attribute = Assert.IsType<BindServiceMethodAttribute>(binding);
        Assert.Equal((typeof(Echo), "BindService"), (attribute.BindType, attribute.BindMethodName));
    }

    [Fact]
    public void A_client_without_a_channel_is_for_a_test_to_derive_from() =>
        Assert.Throws<NotImplementedException>(() => new UnconnectedClient().Unary(new EchoRequest()));

    [Fact]
    public void A_client_needs_a_channel()
    {
        Assert.Throws<ArgumentNullException>(() => new Echo.EchoClient((ChannelBase)null!));
        Assert.Throws<ArgumentNullException>(() => new Echo.EchoClient((CallInvoker)null!));
    }

    [Fact]
    public async Task A_test_may_answer_in_a_servers_place()
    {
        using var call = new AsyncUnaryCall<string>(
            Task.FromResult("a"), Task.FromResult(new Metadata()), () => Status.DefaultSuccess, () => [], () => { });
        Assert.Equal("a", await call);
        Assert.Equal(Status.DefaultSuccess, call.GetStatus());
        Assert.Empty(call.GetTrailers());
        Assert.Empty(await call.ResponseHeadersAsync);
    }

    [Fact]
    public void A_peer_is_known_by_its_properties()
    {
        byte[] bytes = [.. "auctioneer"u8];
        var name = AuthProperty.Create("cn", bytes);
        bytes[0] = 0;
        var context = new AuthContext("cn", new() { ["cn"] = [name], ["san"] = [AuthProperty.Create("san", [1])] });
        Assert.True(context.IsPeerAuthenticated);
        Assert.Equal("auctioneer", Assert.Single(context.PeerIdentity).Value);
        Assert.Equal("auctioneer"u8.ToArray(), name.ValueBytes);
        Assert.Equal(2, context.Properties.Count());
        Assert.Empty(context.FindPropertiesByName("none"));
        Assert.Empty(new AuthContext(null, []).PeerIdentity);
    }

    private sealed class UnconnectedClient : Echo.EchoClient;

    private sealed class NamingBinder : ServiceBinderBase
    {
        public List<string> Names { get; } = [];

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) => Name(method);

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) => Name(method);

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) => Name(method);

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) => Name(method);

        private void Name(IMethod method) => Names.Add($"{method.Type} {method.FullName}");
    }
}
