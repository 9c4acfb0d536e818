using Auctions.V1;
using Grpc.Core;

namespace Auctions.Faults.Load;

/// <summary>
/// The viewer of one auction.
/// <para>Concurrency: one task per auction. It alone writes the lot's frame log.</para>
/// <para>Lifecycle: watches until the final frame or the end of the run. When the gateway goes away, it resumes with
/// the last version that it has seen. An error that the contract does not allow ends it and is logged.</para>
/// <para>Invariants: every frame is logged, in the order in which it came.</para>
/// <para>Bounds: it reads one frame at a time; between two attempts it pauses 200 ms.</para>
/// </summary>
internal sealed class Watcher(ServiceClients services, LoadLog log, RunClock clock)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    public async Task WatchAsync(Lot lot, CancellationToken cancellationToken)
    {
        while (lot.Frames.Ended is null && !cancellationToken.IsCancellationRequested)
        {
            try
            {
                await FollowAsync(lot, cancellationToken);
                if (lot.Frames.Ended is null)
                    log.Unexpected(lot.Id, "a viewer's stream ended with OK before the final frame");
                return;
            }
            catch (RpcException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException e) when (RetryPolicy.MayRepeat(e))
            {
                await clock.DelayAsync(Pause, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (RpcException e)
            {
                log.Unexpected(lot.Id, $"Watch ended with {RetryPolicy.Text(e)}: {e.Status.Detail}");
                return;
            }
        }
    }

    private async Task FollowAsync(Lot lot, CancellationToken cancellationToken)
    {
        var target = new WatchTarget { AuctionId = lot.Id.ToString() };
        if (lot.Frames.Version is { } version) target.Version = version;
        var options = services.As("viewer", deadline: null, cancellationToken);
        using var call = services.Stream.Watch(new WatchRequest { Targets = { target } }, options);
        while (await call.ResponseStream.MoveNext(cancellationToken))
            lot.Frames.Observe(call.ResponseStream.Current);
    }
}
