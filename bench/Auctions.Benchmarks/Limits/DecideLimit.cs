using Auctions.Benchmarks.Machine;
using Auctions.Core;
using Auctions.HotState;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Auctions.Benchmarks.Limits;

/// <summary>The decider alone: combined calls on one auction, through the service's own <see cref="RedisHotState"/>.</summary>
internal sealed class DecideLimit(BenchStack stack, IConnectionMultiplexer redis, TimeProvider timeProvider)
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);
    private readonly RedisHotState _hotState = new(redis, new HotStateOptions(), NullLogger<RedisHotState>.Instance);

    public RedisHotState HotState => _hotState;

    /// <summary>An auction that is in Redis alone.</summary>
    public async Task<Guid> OpenAsync(CancellationToken cancellationToken)
    {
        var now = timeProvider.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        var nowUs = now.ToMicroseconds();
        var head = new Head(0, Guid.CreateVersion7(now), BidStock.Terms(nowUs - 1), AuctionState.Opened(AuctionStatus.Active, nowUs + 3_600_000_000));
        await _hotState.HydrateAsync(id, null, head, [], cancellationToken);
        return id;
    }

    /// <param name="inFlight">Calls at once: two keep Redis busy while a reply is read.</param>
    /// <param name="settle">Whether accepted bids are taken out of what is pending, as after a commit.</param>
    public async Task<Measured> RunAsync(string what, int batch, int inFlight, bool settle, bool random, double seconds, CancellationToken cancellationToken)
    {
        var auctionId = await OpenAsync(cancellationToken);
        long decided = 0;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var stock = new BidStock(batch);
        var gate = new Lock();
        var callers = Enumerable.Range(0, inFlight).Select(_ => Task.Run(CallAsync, CancellationToken.None)).ToArray();

        await Task.Delay(WarmUp, timeProvider, cancellationToken);
        var (from, began, server, self) = (Interlocked.Read(ref decided), timeProvider.GetTimestamp(), ServerCpu(), ProcessCpu.OfSelf());
        await Task.Delay(TimeSpan.FromSeconds(seconds), timeProvider, cancellationToken);
        var (count, elapsed) = (Interlocked.Read(ref decided) - from, timeProvider.GetElapsedTime(began).TotalSeconds);
        (server, self) = (ServerCpu() - server, ProcessCpu.OfSelf() - self);
        await over.CancelAsync();
        await Task.WhenAll(callers);
        await redis.GetDatabase().KeyDeleteAsync([new HotKeys(auctionId).Pending, new HotKeys(auctionId).Auction]);
        return new Measured(what, batch, inFlight, count / elapsed, server * 1e6 / count, self * 1e6 / count);

        async Task CallAsync()
        {
            var proposals = new UndecidedBid[batch];
            while (!over.IsCancellationRequested)
            {
                lock (gate)
                    for (var i = 0; i < batch; i++) proposals[i] = new UndecidedBid(stock.NewId(), random ? stock.Random() : stock.Next(), Guid.Empty, Limited: false);
                var proposed = await _hotState.DecideAsync(auctionId, proposals, CancellationToken.None)
                    ?? throw new InvalidOperationException("Redis does not hold the auction.");
                Interlocked.Add(ref decided, proposed.Bids.Count);
                if (settle) await _hotState.RemovePendingAsync(auctionId, [.. proposed.Bids.Where(b => b.Accepted).Select(b => b.Version)], CancellationToken.None);
            }
        }

        double ServerCpu() => stack.CpuSeconds([BenchStack.Redis])[BenchStack.Redis];
    }
}
