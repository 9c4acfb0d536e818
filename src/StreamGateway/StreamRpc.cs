using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.Ledger;
using Auctions.V1;
using Grpc.Core;

namespace StreamGateway;

/// <summary>The contract's <see cref="StreamService"/>.</summary>
internal sealed class StreamRpc(AuctionFanout fanout, StreamLimiter places, TimeProvider timeProvider) : StreamRpcBase
{
    [OpenRead]
    public override async Task Watch(WatchRequest request, IServerStreamWriter<WatchFrame> frames, ServerCallContext context)
    {
        var wish = WatchSubscription.Of(request);
        using var place = places.Take();
        var viewer = new Viewer(fanout, places, wish, timeProvider);
        try
        {
            // Headers at once: one who resumes at the latest version would hear nothing until the first heartbeat.
            await viewer.RunAsync(frames, () => context.WriteResponseHeadersAsync([]), context.CancellationToken);
        }
        catch (LedgerUnavailableException)
        {
            throw RpcErrors.Unavailable("LEDGER_UNAVAILABLE", "The auctions cannot be read at the moment.", TimeSpan.FromSeconds(1));
        }
    }
}
