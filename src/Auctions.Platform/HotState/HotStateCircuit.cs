using System.Diagnostics.Metrics;
using Auctions.Core;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.CircuitBreaker;

namespace Auctions.Platform.HotState;

/// <summary>
/// A breaker around Redis. While Redis does not answer, a call costs its time-out; when half of the calls of a second have failed, the
/// circuit opens, and calls fail at once, so that bids are decided on the ledger without waiting. Every <see cref="OpenFor"/> one
/// call is let through: if Redis answers it, the circuit closes.
/// </summary>
public sealed partial class HotStateCircuit : IHotState, IDisposable
{
    private static readonly TimeSpan OpenFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Sampled = TimeSpan.FromSeconds(1.5);

    private readonly IHotState _hotState;
    private readonly ILogger<HotStateCircuit> _log;
    private readonly ResiliencePipeline _pipeline;
    private readonly CircuitBreakerStateProvider _state = new();
    private readonly Meter _meter = new("Auctions.HotState");

    public HotStateCircuit(IHotState hotState, TimeProvider time, ILogger<HotStateCircuit> log)
    {
        (_hotState, _log) = (hotState, log);
        var opened = _meter.CreateCounter<long>("auctions.redis.circuit.opened", "{time}", "How often the circuit to Redis has opened.");
        _meter.CreateObservableGauge("auctions.redis.circuit.open", () => IsOpen ? 1 : 0, "{circuit}", "1 while Redis is done without.");
        _pipeline = new ResiliencePipelineBuilder { TimeProvider = time }.AddCircuitBreaker(new CircuitBreakerStrategyOptions
        {
            ShouldHandle = arguments => ValueTask.FromResult(IsSilence(arguments.Outcome.Exception)),
            FailureRatio = 0.5,
            MinimumThroughput = 2,
            SamplingDuration = Sampled,
            BreakDuration = OpenFor,
            StateProvider = _state,
            OnOpened = arguments =>
            {
                opened.Add(1);
                LogOpened(_log, arguments.Outcome.Exception?.Message);
                return default;
            },
            OnClosed = _ =>
            {
                LogClosed(_log);
                return default;
            },
        }).Build();
    }

    /// <summary>Whether Redis is done without.</summary>
    public bool IsOpen => _state.CircuitState != CircuitState.Closed;

    public Task<Proposed?> DecideAsync(Guid auctionId, IReadOnlyList<Proposal> proposals, CancellationToken cancellation) =>
        GuardAsync(ct => _hotState.DecideAsync(auctionId, proposals, ct), cancellation);

    public Task<HotHead?> ReadHeadAsync(Guid auctionId, CancellationToken cancellation) =>
        GuardAsync(ct => _hotState.ReadHeadAsync(auctionId, ct), cancellation);

    public Task<IReadOnlyList<DecidedBid>> ReadPendingAsync(Guid auctionId, CancellationToken cancellation) =>
        GuardAsync(ct => _hotState.ReadPendingAsync(auctionId, ct), cancellation);

    /// <summary>Not guarded: it is nobody's bid, and long.</summary>
    public IAsyncEnumerable<Guid> ScanPendingAsync(CancellationToken cancellation) => _hotState.ScanPendingAsync(cancellation);

    public Task<bool> HydrateAsync(
        Guid auctionId, HotHead? seen, Head head, IReadOnlyList<DecidedBid> answers, CancellationToken cancellation) =>
        GuardAsync(ct => _hotState.HydrateAsync(auctionId, seen, head, answers, ct), cancellation);

    public Task SettleAsync(Guid auctionId, IReadOnlyCollection<long> versions, CancellationToken cancellation) =>
        GuardAsync(async ct =>
        {
            await _hotState.SettleAsync(auctionId, versions, ct);
            return true;
        }, cancellation);

    public Task<SealAttempt?> SealAsync(Guid auctionId, bool force, CancellationToken cancellation) =>
        GuardAsync(ct => _hotState.SealAsync(auctionId, force, ct), cancellation);

    public Task<bool> DropIfBehindAsync(
        Guid auctionId, long version, Guid entryId, long outsideVersion, CancellationToken cancellation) =>
        GuardAsync(ct => _hotState.DropIfBehindAsync(auctionId, version, entryId, outsideVersion, ct), cancellation);

    public void Dispose() => _meter.Dispose();

    private async Task<T> GuardAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellation)
    {
        try
        {
            return await _pipeline.ExecuteAsync(
                static async (ask, ct) => await ask(ct), ask, cancellation);
        }
        catch (BrokenCircuitException open)
        {
            throw new HotStateUnavailableException("The circuit to Redis is open.", open);
        }
    }

    /// <summary>An answer that cannot be read is one auction's damage; Redis did answer.</summary>
    private static bool IsSilence(Exception? fault) => fault is HotStateUnavailableException { InnerException: not FormatException };

    [LoggerMessage(LogLevel.Error, "The circuit to Redis is open, bids are decided on the ledger: {Reason}")]
    private static partial void LogOpened(ILogger log, string? reason);

    [LoggerMessage(LogLevel.Warning, "The circuit to Redis is closed again")]
    private static partial void LogClosed(ILogger log);
}
