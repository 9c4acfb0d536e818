using Auctions.IntegrationTests.Servers;
using Auctions.V1;
using Grpc.Core;
using StreamGateway;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>The gateway in a stack with Postgres and Kafka, which ends it.</summary>
internal sealed class GatewayHost(TestService service)
{
    public TestService Service => service;

    public StreamService.StreamServiceClient Client { get; } = new(service.Channel);

    public string WebAddress => service.App.Urls.Last();

    public static async Task<GatewayHost> StartAsync(TestStack stack, params string[] settings) =>
        new(await stack.StartServiceAsync(Composition.Build, ["--Listen:GrpcWeb=127.0.0.1:0", .. settings]));

    /// <summary>Opens a stream. Its frames are read as they arrive.</summary>
    public WatchCall Watch(params WatchTarget[] targets) =>
        new(Client.Watch(new WatchRequest { Targets = { targets } }));

    public WatchCall Watch(Guid auctionId) => Watch(new WatchTarget { AuctionId = auctionId.ToString() });
}

/// <summary>A stream and its frames so far.</summary>
internal sealed class WatchCall : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<WatchResponse> _frames = [];

    public WatchCall(AsyncServerStreamingCall<WatchResponse> call)
    {
        Call = call;
        Ended = ReadAsync();
    }

    public AsyncServerStreamingCall<WatchResponse> Call { get; }

    /// <summary>Completes when the stream ends, with its error.</summary>
    public Task Ended { get; }

    /// <summary>The frames without heartbeats.</summary>
    public IReadOnlyList<WatchResponse> Frames
    {
        get { lock (_gate) return [.. _frames.Where(f => f.FrameCase != WatchResponse.FrameOneofCase.Heartbeat)]; }
    }

    public long Version => Frames is [.., var last] ? last.Version : -1;

    public async Task<RpcException> ErrorAsync() =>
        await Assert.ThrowsAsync<RpcException>(() => Eventually.EndsAsync(Ended));

    public void Dispose() => Call.Dispose();

    private async Task ReadAsync()
    {
        await foreach (var frame in Call.ResponseStream.ReadAllAsync())
        {
            lock (_gate) _frames.Add(frame);
        }
    }
}
