using System.Collections.Concurrent;
using Auctions.Grpc;
using Auctions.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace Auctions.Faults.Load;

/// <summary>gRPC clients of the stack's services, and tokens for their callers.</summary>
public sealed class ServiceClients : IDisposable
{
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(1);

    private readonly ConcurrentDictionary<string, Metadata> _headers = new(StringComparer.Ordinal);
    private readonly List<GrpcChannel> _channels = [];
    private readonly TokenIssuer _tokens;

    /// <param name="bidding">The instances of BiddingService. All addresses are host:port.</param>
    public ServiceClients(IEnumerable<string> bidding, string auction, string gateway, TokenIssuer tokens)
    {
        _tokens = tokens;
        Bidding = [.. bidding.Select(address => new BiddingService.BiddingServiceClient(Channel(address)))];
        Auction = new AuctionService.AuctionServiceClient(Channel(auction));
        Stream = new StreamService.StreamServiceClient(Channel(gateway));
    }

    public IReadOnlyList<BiddingService.BiddingServiceClient> Bidding { get; }
    public AuctionService.AuctionServiceClient Auction { get; }
    public StreamService.StreamServiceClient Stream { get; }

    /// <summary>Call options of a subject with every role and without limits.</summary>
    public CallOptions As(string subject, DateTime? deadline, CancellationToken cancellationToken) =>
        new(_headers.GetOrAdd(subject, NewHeaders), deadline, cancellationToken);

    public void Dispose() => _channels.ForEach(channel => channel.Dispose());

    private Metadata NewHeaders(string subject)
    {
        var roles = Roles.Bidder | Roles.Seller | Roles.Viewer;
        var token = _tokens.Mint(subject, roles, TokenLifetime, Caller.AllExemptions);
        return new Metadata { { "authorization", $"Bearer {token}" } };
    }

    private GrpcChannel Channel(string address)
    {
        var channel = GrpcChannel.ForAddress($"http://{address}", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                EnableMultipleHttp2Connections = true,
                ConnectTimeout = TimeSpan.FromSeconds(2),
            },
            DisposeHttpClient = true,
            // A killed service is back within seconds. With longer pauses clients would only notice it later.
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(50),
            MaxReconnectBackoff = TimeSpan.FromMilliseconds(250),
        });
        _channels.Add(channel);
        return channel;
    }
}
