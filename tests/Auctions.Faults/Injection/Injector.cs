using Auctions.Faults.Load;
using Auctions.Faults.Stack;

namespace Auctions.Faults.Injection;

/// <summary>Carries out a plan. Faults of different parts overlap; one whose part is broken already waits until it is whole.</summary>
internal sealed class Injector(FaultStack stack, PartFaults parts, RedisFaults redis, RunClock clock, Action<string> say)
{
    /// <summary>Until every fault is over. What could not begin before <paramref name="late"/> is left out.</summary>
    public async Task RunAsync(IReadOnlyList<PlannedFault> plan, CancellationToken late, CancellationToken cancellationToken)
    {
        var lasting = new List<Task>();
        foreach (var fault in plan)
        {
            var wait = fault.At - TimeSpan.FromMicroseconds(clock.NowUs);
            if (wait > TimeSpan.Zero) await clock.DelayAsync(wait, late).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (late.IsCancellationRequested) break;
            lasting.Add(InjectAsync(fault, late, cancellationToken));
        }

        await Task.WhenAll(lasting);
    }

    private async Task InjectAsync(PlannedFault fault, CancellationToken late, CancellationToken cancellationToken)
    {
        try
        {
            await DoAsync(fault, late, cancellationToken);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
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

    private Task DoAsync(PlannedFault fault, CancellationToken late, CancellationToken cancellationToken) => fault.Kind switch
    {
        FaultKind.RedisKill => redis.KillAsync(fault, late, cancellationToken),
        FaultKind.RedisStop => redis.StopAsync(fault, late, cancellationToken),
        FaultKind.RedisFlush => redis.FlushAsync(fault, late, cancellationToken),
        FaultKind.RedisAofTruncated => redis.TruncateAsync(fault, late, cancellationToken),
        FaultKind.RedisStaleReplica => redis.FailOverAsync(fault, split: false, late, cancellationToken),
        FaultKind.RedisSplit => redis.FailOverAsync(fault, split: true, late, cancellationToken),
        FaultKind.PostgresKill => parts.KillPostgresAsync(fault, late, cancellationToken),
        FaultKind.BiddingKill => parts.KillAsync(FaultStack.Bidding[fault.Instance], fault, late, cancellationToken),
        FaultKind.AuctionKill => parts.KillAsync("auction", fault, late, cancellationToken),
        FaultKind.UpdaterKill => parts.KillAsync("updater", fault, late, cancellationToken),
        FaultKind.GatewayKill => parts.KillAsync("gateway", fault, late, cancellationToken),
        FaultKind.RelayKill => parts.KillAsync("relay", fault, late, cancellationToken),
        FaultKind.CutBiddingRedis => parts.CutAsync(stack.RedisLinks[fault.Instance], fault, late, cancellationToken),
        FaultKind.CutBiddingPostgres => parts.CutAsync(stack.PostgresLinks[fault.Instance], fault, late, cancellationToken),
        FaultKind.HoldBiddingRedis => parts.HoldAsync(stack.RedisLinks[fault.Instance], fault, late, cancellationToken),
        FaultKind.HoldBiddingPostgres => parts.HoldAsync(stack.PostgresLinks[fault.Instance], fault, late, cancellationToken),
        _ => throw new ArgumentOutOfRangeException(nameof(fault), fault.Kind, null),
    };
}
