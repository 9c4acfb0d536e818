using Auctions.V1;
using Grpc.Core;

namespace Auctions.Faults.Load;

/// <summary>One auction's viewer: resumes with the last version when the gateway goes away, until the final frame or the end of the run.</summary>
internal sealed class Watcher(Services services, LoadLog log, RunClock clock)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    public async Task WatchAsync(Lot lot, CancellationToken cancellation)
    {
        while (lot.Frames.Ended is null && !cancellation.IsCancellationRequested)
        {
            try
            {
                await FollowAsync(lot, cancellation);
                if (lot.Frames.Ended is null) log.Unexpected(lot.Id, "a viewer's stream ended with OK before the final frame");
                return;
            }
            catch (RpcException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException e) when (Calls.MayRepeat(e))
            {
                await clock.DelayAsync(Pause, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (RpcException e)
            {
                log.Unexpected(lot.Id, $"Watch ended with {Calls.Text(e)}: {e.Status.Detail}");
                return;
            }
        }
    }

    private async Task FollowAsync(Lot lot, CancellationToken cancellation)
    {
        var target = new WatchTarget { AuctionId = lot.Id.ToString() };
        if (lot.Frames.Version is { } version) target.Version = version;
        using var call = services.Stream.Watch(new WatchRequest { Targets = { target } }, services.As("viewer", null, cancellation));
        while (await call.ResponseStream.MoveNext(cancellation)) lot.Frames.Observe(call.ResponseStream.Current);
    }
}
