using Auctions.V1;
using Grpc.Core;

namespace Auctions.Faults.Load;

/// <summary>One auction's viewer: resumes with the last version when the gateway goes away, until the final frame or the end of the run.</summary>
internal sealed class Watcher(Services services, LoadLog log, RunClock clock)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    public async Task WatchAsync(Lot lot, CancellationToken cancellationToken)
    {
        while (lot.Frames.Ended is null && !cancellationToken.IsCancellationRequested)
        {
            try
            {
                await FollowAsync(lot, cancellationToken);
                if (lot.Frames.Ended is null) log.Unexpected(lot.Id, "a viewer's stream ended with OK before the final frame");
                return;
            }
            catch (RpcException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException e) when (Calls.MayRepeat(e))
            {
                await clock.DelayAsync(Pause, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (RpcException e)
            {
                log.Unexpected(lot.Id, $"Watch ended with {Calls.Text(e)}: {e.Status.Detail}");
                return;
            }
        }
    }

    private async Task FollowAsync(Lot lot, CancellationToken cancellationToken)
    {
        var target = new WatchTarget { AuctionId = lot.Id.ToString() };
        if (lot.Frames.Version is { } version) target.Version = version;
        using var call = services.Stream.Watch(new WatchRequest { Targets = { target } }, services.As("viewer", null, cancellationToken));
        while (await call.ResponseStream.MoveNext(cancellationToken)) lot.Frames.Observe(call.ResponseStream.Current);
    }
}
