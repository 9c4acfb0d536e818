using System.Diagnostics.Metrics;
using Auctions.Core;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.CircuitBreaker;

namespace Auctions.HotState;

/// <summary>
/// A circuit breaker around Redis. While Redis is down, calls fail at once instead of waiting for their timeout, so
/// that bids are decided on the ledger without a delay.
/// <para>Concurrency: any number of callers at once. While the circuit is open, one trial call at a time passes.</para>
/// <para>Lifecycle: closed at the start. Opens when at least half of the calls within <see cref="Sampled"/>, and at
/// least two, have failed. After <see cref="OpenFor"/> one trial call passes: if Redis answers it, the circuit closes;
/// if not, it stays open for another <see cref="OpenFor"/>.</para>
/// <para>A Redis whose decisions the ledger refuses as ahead of its clock is treated as away too: after
/// <see cref="AheadMax"/> reports within <see cref="AheadFor"/> the circuit is open for that long.</para>
/// <para>Invariants: only the silence of the server counts as a failure (<see cref="RedisFaults"/>). The damage of one
/// auction must not cut off the others.</para>
/// <para>Bounds: no queue and no retries. A call takes at most <see cref="HotStateOptions.CallTimeoutMs"/>.</para>
/// </summary>
public sealed class HotStateCircuit : IHotState, IDisposable
{
    private static readonly TimeSpan OpenFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Sampled = TimeSpan.FromSeconds(1.5);

    /// <summary>How long a Redis is treated as away whose clock is ahead, before it is tried again.</summary>
    private static readonly TimeSpan AheadFor = TimeSpan.FromSeconds(5);

    private const int AheadMax = 3;

    private readonly IHotState _hotState;
    private readonly TimeProvider _timeProvider;
    private readonly ILogger _logger;
    private readonly ResiliencePipeline _pipeline;
    private readonly CircuitBreakerStateProvider _state = new();
    private readonly Meter _meter = new("Auctions.HotState");

    private readonly Lock _aheadLock = new();
    private int _aheadCount;
    private long _aheadSince, _aheadUntil;

    public HotStateCircuit(IHotState hotState, TimeProvider timeProvider, ILogger<HotStateCircuit> logger)
    {
        (_hotState, _timeProvider, _logger) = (hotState, timeProvider, logger);
        var opened = _meter.CreateCounter<long>(
            "auctions.redis.circuit.opened", "{time}", "How often the circuit to Redis has opened.");
        _meter.CreateObservableGauge(
            "auctions.redis.circuit.open", () => IsOpen ? 1 : 0, "{circuit}", "1 while the circuit to Redis is open.");
        _pipeline = new ResiliencePipelineBuilder { TimeProvider = timeProvider }
            .AddCircuitBreaker(new CircuitBreakerStrategyOptions
            {
                ShouldHandle = arguments => ValueTask.FromResult(IsUnanswered(arguments.Outcome.Exception)),
                FailureRatio = 0.5,
                MinimumThroughput = 2,
                SamplingDuration = Sampled,
                BreakDuration = OpenFor,
                StateProvider = _state,
                OnOpened = arguments =>
                {
                    opened.Add(1);
                    logger.CircuitOpened(arguments.Outcome.Exception?.Message);
                    return default;
                },
                OnClosed = _ =>
                {
                    logger.CircuitClosed();
                    return default;
                },
            }).Build();
    }

    /// <summary>Whether the services work without Redis at the moment.</summary>
    public bool IsOpen => _state.CircuitState != CircuitState.Closed || IsAhead;

    private bool IsAhead =>
        Volatile.Read(ref _aheadUntil) is not 0 and var until && _timeProvider.GetTimestamp() < until;

    public void ReportAhead()
    {
        lock (_aheadLock)
        {
            var now = _timeProvider.GetTimestamp();
            if (IsAhead) return;
            if (_timeProvider.GetElapsedTime(_aheadSince, now) > AheadFor) (_aheadCount, _aheadSince) = (0, now);
            if (++_aheadCount < AheadMax) return;

            // The next report after the time away is enough, so long as Redis does not decide in time for a while.
            (_aheadCount, _aheadSince) = (AheadMax - 1, now + Ticks(AheadFor));
            Volatile.Write(ref _aheadUntil, now + Ticks(AheadFor));
        }

        _logger.RedisIsAhead(AheadFor.TotalSeconds);

        long Ticks(TimeSpan span) => (long)(span.TotalSeconds * _timeProvider.TimestampFrequency);
    }

    public Task<DecidedBatch?> DecideAsync(
        Guid auctionId, IReadOnlyList<UndecidedBid> bids, CancellationToken cancellationToken) =>
        GuardAsync(ct => _hotState.DecideAsync(auctionId, bids, ct), cancellationToken);

    public Task<HotHead?> ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken) =>
        GuardAsync(ct => _hotState.ReadHeadAsync(auctionId, ct), cancellationToken);

    public Task<IReadOnlyList<DecidedBid>> ReadPendingAsync(Guid auctionId, CancellationToken cancellationToken) =>
        GuardAsync(ct => _hotState.ReadPendingAsync(auctionId, ct), cancellationToken);

    public Task<IReadOnlyList<Guid>> ReadPendingIndexAsync(CancellationToken cancellationToken) =>
        GuardAsync(_hotState.ReadPendingIndexAsync, cancellationToken);

    /// <summary>Not guarded: no bid waits for the scan, and it takes long.</summary>
    public Task<int> RepairPendingIndexAsync(CancellationToken cancellationToken) =>
        _hotState.RepairPendingIndexAsync(cancellationToken);

    public Task<bool> HydrateAsync(Guid auctionId, HotHead? seen, Head head, IReadOnlyList<DecidedBid> answers,
        CancellationToken cancellationToken) =>
        GuardAsync(ct => _hotState.HydrateAsync(auctionId, seen, head, answers, ct), cancellationToken);

    public Task RemovePendingAsync(
        Guid auctionId, IReadOnlyCollection<long> versions, CancellationToken cancellationToken) =>
        GuardAsync(async ct =>
        {
            await _hotState.RemovePendingAsync(auctionId, versions, ct);
            return true;
        }, cancellationToken);

    public Task<bool> SealAsync(Guid auctionId, CancellationToken cancellationToken) =>
        GuardAsync(ct => _hotState.SealAsync(auctionId, ct), cancellationToken);

    public Task<bool> DropIfBehindAsync(
        Guid auctionId, long version, Guid entryId, long outsideVersion, CancellationToken cancellationToken) =>
        GuardAsync(
            ct => _hotState.DropIfBehindAsync(auctionId, version, entryId, outsideVersion, ct), cancellationToken);

    public void Dispose() => _meter.Dispose();

    private async Task<T> GuardAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        if (IsAhead)
        {
            throw new HotStateUnavailableException(
                "Redis' clock is ahead of the ledger's.", new InvalidOperationException("Its decisions are refused."));
        }

        try
        {
            return await _pipeline.ExecuteAsync(static async (call, ct) => await call(ct), call, cancellationToken);
        }
        catch (BrokenCircuitException open)
        {
            throw new HotStateUnavailableException("The circuit to Redis is open.", open);
        }
    }

    private static bool IsUnanswered(Exception? fault) =>
        fault is HotStateUnavailableException { InnerException: not AuctionDamagedException };
}
