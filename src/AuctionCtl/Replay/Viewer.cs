using Auctions.V1;
using Grpc.Core;

namespace Auctions.Ctl.Replay;

/// <summary>Watches one auction to its end, and resumes where it was when the gateway goes away.</summary>
public sealed class Viewer(ReplayClients clients, TimeProvider timeProvider)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Follows the auction until its final frame and the end of the stream, or until cancelled.</summary>
    public async Task WatchAsync(string auctionId, FrameLog log, CancellationToken cancellationToken)
    {
        while (log.Ended is null)
        {
            try
            {
                await FollowAsync(auctionId, log, cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.ResourceExhausted)
            {
                await Task.Delay(Pause, timeProvider, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task FollowAsync(string auctionId, FrameLog log, CancellationToken cancellationToken)
    {
        var target = new WatchTarget { AuctionId = auctionId };
        if (log.Version is { } version) target.Version = version;
        using var call = clients.Stream.Watch(
            new WatchRequest { Targets = { target } }, clients.As("replay/viewer", "viewer", null, cancellationToken));
        while (await call.ResponseStream.MoveNext(cancellationToken).ConfigureAwait(false)) log.Observe(call.ResponseStream.Current);
    }
}
