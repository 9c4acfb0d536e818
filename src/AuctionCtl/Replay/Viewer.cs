using Auctions.V1;
using Grpc.Core;

namespace Auctions.Ctl.Replay;

/// <summary>Watches one auction to its end, and resumes where it was when the gateway goes away.</summary>
public sealed class Viewer(ReplayClients clients, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Follows the auction until its final frame and the end of the stream, or until cancelled.</summary>
    public async Task WatchAsync(string auctionId, FrameLog log, CancellationToken cancellation)
    {
        while (log.Ended is null)
        {
            try
            {
                await FollowAsync(auctionId, log, cancellation).ConfigureAwait(false);
                return;
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.ResourceExhausted)
            {
                await Task.Delay(Pause, time, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task FollowAsync(string auctionId, FrameLog log, CancellationToken cancellation)
    {
        var target = new WatchTarget { AuctionId = auctionId };
        if (log.Version is { } version) target.Version = version;
        using var call = clients.Stream.Watch(
            new WatchRequest { Targets = { target } }, clients.As("replay/viewer", "viewer", null, cancellation));
        while (await call.ResponseStream.MoveNext(cancellation).ConfigureAwait(false)) log.Observe(call.ResponseStream.Current);
    }
}
