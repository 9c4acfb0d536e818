using System.Diagnostics.Metrics;
using Auctions.Core;
using Microsoft.Extensions.Logging;
using Polly;
using Polly.CircuitBreaker;

namespace Auctions.HotState;

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
    private readonly ILogger<HotStateCircuit> _logger;
    private readonly ResiliencePipeline _pipeline;
    private readonly CircuitBreakerStateProvider _state = new();
    private readonly Meter _meter = new("Auctions.HotState");

    public HotStateCircuit(IHotState hotState, TimeProvider timeProvider, ILogger<HotStateCircuit> logger)
    {
        (_hotState, _logger) = (hotState, logger);
        var opened = _meter.CreateCounter<long>("auctions.redis.circuit.opened", "{time}", "How often the circuit to Redis has opened.");
        _meter.CreateObservableGauge("auctions.redis.circuit.open", () => IsOpen ? 1 : 0, "{circuit}", "1 while Redis is done without.");
        _pipeline = new ResiliencePipelineBuilder { TimeProvider = timeProvider }.AddCircuitBreaker(new CircuitBreakerStrategyOptions
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
                LogOpened(_logger, arguments.Outcome.Exception?.Message);
                return default;
            },
            OnClosed = _ =>
            {
                LogClosed(_logger);
                return default;
            },
        }).Build();
    }

    /// <summary>Whether Redis is done without.</summary>
    public bool IsOpen => _state.CircuitState != CircuitState.Closed;

    public Task<Proposed?> DecideAsync(Guid auctionId, IReadOnlyList<Proposal> proposals, CancellationToken cancellationToken) =>
        GuardAsync(ct => _hotState.DecideAsync(auctionId, proposals, ct), cancellationToken);

    public Task<HotHead?> ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken) =>
        GuardAsync(ct => _hotState.ReadHeadAsync(auctionId, ct), cancellationToken);

    public Task<IReadOnlyList<DecidedBid>> ReadPendingAsync(Guid auctionId, CancellationToken cancellationToken) =>
        GuardAsync(ct => _hotState.ReadPendingAsync(auctionId, ct), cancellationToken);

    /// <summary>Not guarded: it is nobody's bid, and long.</summary>
    public IAsyncEnumerable<Guid> ScanPendingAsync(CancellationToken cancellationToken) => _hotState.ScanPendingAsync(cancellationToken);

    public Task<bool> HydrateAsync(
        Guid auctionId, HotHead? seen, Head head, IReadOnlyList<DecidedBid> answers, CancellationToken cancellationToken) =>
        GuardAsync(ct => _hotState.HydrateAsync(auctionId, seen, head, answers, ct), cancellationToken);

    public Task RemovePendingAsync(Guid auctionId, IReadOnlyCollection<long> versions, CancellationToken cancellationToken) =>
        GuardAsync(async ct =>
        {
            await _hotState.RemovePendingAsync(auctionId, versions, ct);
            return true;
        }, cancellationToken);

    public Task<SealAttempt?> SealAsync(Guid auctionId, bool force, CancellationToken cancellationToken) =>
        GuardAsync(ct => _hotState.SealAsync(auctionId, force, ct), cancellationToken);

    public Task<bool> DropIfBehindAsync(
        Guid auctionId, long version, Guid entryId, long outsideVersion, CancellationToken cancellationToken) =>
        GuardAsync(ct => _hotState.DropIfBehindAsync(auctionId, version, entryId, outsideVersion, ct), cancellationToken);

    public void Dispose() => _meter.Dispose();

    private async Task<T> GuardAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        try
        {
            return await _pipeline.ExecuteAsync(
                static async (ask, ct) => await ask(ct), ask, cancellationToken);
        }
        catch (BrokenCircuitException open)
        {
            throw new HotStateUnavailableException("The circuit to Redis is open.", open);
        }
    }

    /// <summary>An answer that cannot be read is one auction's damage; Redis did answer.</summary>
    private static bool IsSilence(Exception? fault) => fault is HotStateUnavailableException { InnerException: not FormatException };

    [LoggerMessage(LogLevel.Error, "The circuit to Redis is open, bids are decided on the ledger: {Reason}")]
    private static partial void LogOpened(ILogger logger, string? reason);

    [LoggerMessage(LogLevel.Warning, "The circuit to Redis is closed again")]
    private static partial void LogClosed(ILogger logger);
}
