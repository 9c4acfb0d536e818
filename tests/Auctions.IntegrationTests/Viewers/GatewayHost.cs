using System.Security.Cryptography;
using Auctions.Grpc;
using Auctions.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using StreamGateway;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>The gateway's application, in the test's process, on free ports.</summary>
internal sealed class GatewayHost : IAsyncDisposable
{
    private readonly GrpcChannel _channel;

    private GatewayHost(WebApplication app, byte[] key)
    {
        App = app;
        Tokens = new TokenIssuer(key, TimeProvider.System);
        _channel = GrpcChannel.ForAddress(app.Urls.First());
        Client = new StreamService.StreamServiceClient(_channel);
    }

    public WebApplication App { get; }

    public TokenIssuer Tokens { get; }

    public StreamService.StreamServiceClient Client { get; }

    public GrpcChannel Channel => _channel;

    public string WebAddress => App.Urls.Last();

    /// <param name="settings">More configuration: <c>--Key=value</c>.</param>
    public static async Task<GatewayHost> StartAsync(string postgres, string kafka, params string[] settings)
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var app = Composition.Build(
        [
            "--Listen:Grpc=127.0.0.1:0", "--Listen:GrpcWeb=127.0.0.1:0",
            $"--Auth:Hs256Key={Convert.ToBase64String(key)}",
            $"--Postgres:ConnectionString={postgres}", $"--Kafka:BootstrapServers={kafka}",
            "--Logging:LogLevel:Default=Error", .. settings,
        ]);
        await app.StartAsync();
        return new GatewayHost(app, key);
    }

    /// <summary>Opens a stream. Its frames are read as they arrive.</summary>
    public WatchCall Watch(params WatchTarget[] targets)
    {
        var request = new WatchRequest();
        request.Targets.AddRange(targets);
        return new WatchCall(Client.Watch(request));
    }

    public WatchCall Watch(Guid auctionId) => Watch(new WatchTarget { AuctionId = auctionId.ToString() });

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await App.DisposeAsync();
    }
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
