using System.Collections.Concurrent;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace Auctions.Faults.Load;

/// <summary>The services of the stack, and a token for whoever calls them.</summary>
public sealed class Services : IDisposable
{
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(1);

    private readonly ConcurrentDictionary<string, Metadata> _headers = new(StringComparer.Ordinal);
    private readonly List<GrpcChannel> _channels = [];
    private readonly TokenIssuer _tokens;

    /// <param name="bidding">The addresses of the instances of BiddingService, host:port, as the two others.</param>
    public Services(IEnumerable<string> bidding, string auction, string gateway, TokenIssuer tokens)
    {
        _tokens = tokens;
        Bidding = [.. bidding.Select(address => new BiddingService.BiddingServiceClient(Channel(address)))];
        Auction = new AuctionService.AuctionServiceClient(Channel(auction));
        Stream = new StreamService.StreamServiceClient(Channel(gateway));
    }

    public IReadOnlyList<BiddingService.BiddingServiceClient> Bidding { get; }
    public AuctionService.AuctionServiceClient Auction { get; }
    public StreamService.StreamServiceClient Stream { get; }

    /// <summary>Call options of a subject who may do everything but what rules on bidding forbid.</summary>
    public CallOptions As(string subject, DateTime? deadline, CancellationToken cancellationToken) =>
        new(_headers.GetOrAdd(subject, who => new Metadata
        {
            { "authorization", "Bearer " + _tokens.Mint(who, Roles.Bidder | Roles.Seller | Roles.Viewer, TokenLifetime, "velocity") },
        }), deadline, cancellationToken);

    public void Dispose() => _channels.ForEach(channel => channel.Dispose());

    private GrpcChannel Channel(string address)
    {
        var channel = GrpcChannel.ForAddress($"http://{address}", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { EnableMultipleHttp2Connections = true, ConnectTimeout = TimeSpan.FromSeconds(2) },
            DisposeHttpClient = true,
            // A killed service is back within seconds: who waits longer before looking again only sees it later.
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(50),
            MaxReconnectBackoff = TimeSpan.FromMilliseconds(250),
        });
        _channels.Add(channel);
        return channel;
    }
}
