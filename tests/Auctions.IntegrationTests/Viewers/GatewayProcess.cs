using System.Security.Cryptography;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using StreamGateway;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>The gateway as a process has it, in this one, on free ports.</summary>
internal sealed class GatewayProcess : IAsyncDisposable
{
    private readonly GrpcChannel _channel;

    private GatewayProcess(WebApplication app, byte[] key)
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
    public static async Task<GatewayProcess> StartAsync(string postgres, string kafka, params string[] settings)
    {
        var key = RandomNumberGenerator.GetBytes(32);
        var app = Composition.Build(
        [
            "--Listen:Grpc=127.0.0.1:0", "--Listen:GrpcWeb=127.0.0.1:0", $"--Auth:Hs256Key={Convert.ToBase64String(key)}",
            $"--Postgres:ConnectionString={postgres}", $"--Kafka:BootstrapServers={kafka}", "--Logging:LogLevel:Default=Error", .. settings,
        ]);
        await app.StartAsync();
        return new GatewayProcess(app, key);
    }

    /// <summary>Starts a stream; its frames are read as they come.</summary>
    public Watching Watch(params WatchTarget[] targets)
    {
        var request = new WatchRequest();
        request.Targets.AddRange(targets);
        return new Watching(Client.Watch(request));
    }

    public Watching Watch(Guid auctionId) => Watch(new WatchTarget { AuctionId = auctionId.ToString() });

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await App.DisposeAsync();
    }
}

/// <summary>A stream and all that has come of it.</summary>
internal sealed class Watching : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<WatchResponse> _frames = [];

    public Watching(AsyncServerStreamingCall<WatchResponse> call)
    {
        Call = call;
        Ended = ReadAsync();
    }

    public AsyncServerStreamingCall<WatchResponse> Call { get; }

    /// <summary>Ends when the stream does, with its error.</summary>
    public Task Ended { get; }

    /// <summary>Heartbeats left out.</summary>
    public IReadOnlyList<WatchResponse> Frames
    {
        get { lock (_gate) return [.. _frames.Where(f => f.FrameCase != WatchResponse.FrameOneofCase.Heartbeat)]; }
    }

    public long Version => Frames is [.., var last] ? last.Version : -1;

    public async Task<RpcException> ErrorAsync() => await Assert.ThrowsAsync<RpcException>(() => Eventually.EndsAsync(Ended));

    public void Dispose() => Call.Dispose();

    private async Task ReadAsync()
    {
        await foreach (var frame in Call.ResponseStream.ReadAllAsync())
        {
            lock (_gate) _frames.Add(frame);
        }
    }
}
