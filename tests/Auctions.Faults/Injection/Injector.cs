using Auctions.Faults.Load;
using Auctions.Faults.Stack;

namespace Auctions.Faults.Injection;

/// <summary>Carries out a plan. Faults of different parts overlap; one whose part is broken already waits until it is whole.</summary>
internal sealed class Injector(FaultStack stack, PartFaults parts, RedisFaults redis, RunClock clock, Action<string> say)
{
    /// <summary>Until every fault is over. What could not begin before <paramref name="late"/> is left out.</summary>
    public async Task RunAsync(IReadOnlyList<PlannedFault> plan, CancellationToken late, CancellationToken cancellation)
    {
        var lasting = new List<Task>();
        foreach (var fault in plan)
        {
            var wait = fault.At - TimeSpan.FromMicroseconds(clock.NowUs);
            if (wait > TimeSpan.Zero) await clock.DelayAsync(wait, late).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (late.IsCancellationRequested) break;
            lasting.Add(InjectAsync(fault, late, cancellation));
        }

        await Task.WhenAll(lasting);
    }

    private async Task InjectAsync(PlannedFault fault, CancellationToken late, CancellationToken cancellation)
    {
        try
        {
            await DoAsync(fault, late, cancellation);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            say($"{FaultLog.Name(fault.Kind)} came too late and is left out");
        }
        catch (OperationCanceledException)
        {
            say($"{FaultLog.Name(fault.Kind)} was not over");
            throw;
        }
        catch (IOException e)
        {
            // The server it was about had just been killed by somebody else; the keeper starts it.
            say($"{FaultLog.Name(fault.Kind)} could not be carried out: {e.Message}");
        }
    }

    private Task DoAsync(PlannedFault fault, CancellationToken late, CancellationToken cancellation) => fault.Kind switch
    {
        FaultKind.RedisKill => redis.KillAsync(fault, late, cancellation),
        FaultKind.RedisStop => redis.StopAsync(fault, late, cancellation),
        FaultKind.RedisFlush => redis.FlushAsync(fault, late, cancellation),
        FaultKind.RedisAofTruncated => redis.TruncateAsync(fault, late, cancellation),
        FaultKind.RedisStaleReplica => redis.FailOverAsync(fault, split: false, late, cancellation),
        FaultKind.RedisSplit => redis.FailOverAsync(fault, split: true, late, cancellation),
        FaultKind.PostgresKill => parts.KillPostgresAsync(fault, late, cancellation),
        FaultKind.BiddingKill => parts.KillAsync(FaultStack.Bidding[fault.Instance], fault, late, cancellation),
        FaultKind.AuctionKill => parts.KillAsync("auction", fault, late, cancellation),
        FaultKind.UpdaterKill => parts.KillAsync("updater", fault, late, cancellation),
        FaultKind.GatewayKill => parts.KillAsync("gateway", fault, late, cancellation),
        FaultKind.RelayKill => parts.KillAsync("relay", fault, late, cancellation),
        FaultKind.CutBiddingRedis => parts.CutAsync(stack.RedisLinks[fault.Instance], fault, late, cancellation),
        FaultKind.CutBiddingPostgres => parts.CutAsync(stack.PostgresLinks[fault.Instance], fault, late, cancellation),
        FaultKind.HoldBiddingRedis => parts.HoldAsync(stack.RedisLinks[fault.Instance], fault, late, cancellation),
        FaultKind.HoldBiddingPostgres => parts.HoldAsync(stack.PostgresLinks[fault.Instance], fault, late, cancellation),
        _ => throw new ArgumentOutOfRangeException(nameof(fault), fault.Kind, null),
    };
}
