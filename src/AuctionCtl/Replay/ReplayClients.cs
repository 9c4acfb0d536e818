using System.Collections.Concurrent;
using Auctions.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace Auctions.Ctl.Replay;

/// <summary>The services of a stack, and a token for whoever calls them.</summary>
public sealed class ReplayClients : IDisposable
{
    private readonly ConcurrentDictionary<(string Subject, string Role), Metadata> _headers = new();
    private readonly Func<string, string, string> _issue;
    private readonly GrpcChannel[] _channels;

    /// <param name="bidding">host:port, as the two others.</param>
    /// <param name="issue">Issues a token for a subject and a role.</param>
    public ReplayClients(string bidding, string auction, string gateway, Func<string, string, string> issue)
    {
        _issue = issue;
        _channels = [Channel(bidding), Channel(auction), Channel(gateway)];
        Bidding = new BiddingService.BiddingServiceClient(_channels[0]);
        Auction = new AuctionService.AuctionServiceClient(_channels[1]);
        Stream = new StreamService.StreamServiceClient(_channels[2]);
    }

    public BiddingService.BiddingServiceClient Bidding { get; }
    public AuctionService.AuctionServiceClient Auction { get; }
    public StreamService.StreamServiceClient Stream { get; }

    /// <summary>The authorization header of a subject, for calls until the deadline.</summary>
    public CallOptions As(string subject, string role, DateTime? deadline, CancellationToken cancellationToken) =>
        new(_headers.GetOrAdd((subject, role), who => new Metadata { { "authorization", $"Bearer {_issue(who.Subject, who.Role)}" } }), deadline, cancellationToken);

    /// <summary>Connects to each service.</summary>
    /// <exception cref="OperationCanceledException">Not all could be reached in time.</exception>
    public Task ConnectAsync(CancellationToken cancellationToken) => Task.WhenAll(_channels.Select(channel => channel.ConnectAsync(cancellationToken)));

    public void Dispose()
    {
        foreach (var channel in _channels) channel.Dispose();
    }

    private static GrpcChannel Channel(string address) => GrpcChannel.ForAddress($"http://{address}", new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler { EnableMultipleHttp2Connections = true, KeepAlivePingDelay = TimeSpan.FromSeconds(20) },
        DisposeHttpClient = true,
    });
}
