using System.Collections.Frozen;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Auctions.Platform.Hosting;

/// <summary>Something outside that a service works with, and how to find out whether it answers.</summary>
/// <param name="Name">Such as "postgres"; its own health can be asked for under this name.</param>
/// <param name="Required">Whether the service can do nothing without it. Redis is not required: bids are decided without it too.</param>
/// <param name="Probe">Throws where it does not answer.</param>
public sealed record ReadinessCheck(string Name, bool Required, Func<CancellationToken, Task> Probe);

/// <summary>
/// Whether this process can do its work: looked at every second, and NOT_SERVING from the moment in which it is asked to stop,
/// so that load balancers look away before connections are refused.
/// </summary>
public sealed partial class Readiness(
    IEnumerable<ReadinessCheck> checks, IOptions<ListenOptions> listen, TimeProvider time, ILogger<Readiness> log)
    : BackgroundService, IHostedLifecycleService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly ReadinessCheck[] _checks = [.. checks];
    private readonly Lock _publishing = new();
    private volatile Report _report = new(Draining: false, FrozenDictionary<string, bool>.Empty, NewSignal());

    /// <summary>Whether the process can do its work now.</summary>
    public bool Serving => IsServing(_report);

    /// <summary>Whether one check was good, by its name; null where there is none of that name.</summary>
    public bool? Answers(string check) =>
        _checks.Any(c => c.Name == check) ? _report.Answers.GetValueOrDefault(check) : null;

    /// <summary>Ends with the next change of any of it.</summary>
    public Task Changed => _report.Superseded.Task;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        Publish(report => report with { Draining = true });
        await Task.Delay(TimeSpan.FromMilliseconds(listen.Value.DrainDelayMs), time, cancellationToken)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            var answers = await Task.WhenAll(_checks.Select(c => ProbeAsync(c, stoppingToken)));
            Publish(report => report with { Answers = answers.ToFrozenDictionary(a => a.Name, a => a.Answers) });
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task<(string Name, bool Answers)> ProbeAsync(ReadinessCheck check, CancellationToken cancellation)
    {
        var was = _report.Answers.TryGetValue(check.Name, out var good) ? good : (bool?)null;
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            patience.CancelAfter(Patience);
            await check.Probe(patience.Token).WaitAsync(Patience, time, cancellation);
            if (was == false) AnswersAgain(check.Name);
            return (check.Name, true);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            if (was != false) DoesNotAnswer(check.Name, e);
            return (check.Name, false);
        }
    }

    private bool IsServing(Report report) =>
        !report.Draining && _checks.All(c => !c.Required || report.Answers.GetValueOrDefault(c.Name));

    private void Publish(Func<Report, Report> change)
    {
        TaskCompletionSource superseded;
        lock (_publishing)
        {
            var (old, next) = (_report, change(_report) with { Superseded = NewSignal() });
            if (old.Draining == next.Draining && old.Answers.Count == next.Answers.Count
                && next.Answers.All(a => old.Answers.TryGetValue(a.Key, out var was) && was == a.Value)) return;
            _report = next;
            superseded = old.Superseded;
        }

        superseded.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed record Report(bool Draining, FrozenDictionary<string, bool> Answers, TaskCompletionSource Superseded);

    [LoggerMessage(LogLevel.Warning, "{Dependency} does not answer.")]
    private partial void DoesNotAnswer(string dependency, Exception exception);

    [LoggerMessage(LogLevel.Information, "{Dependency} answers again.")]
    private partial void AnswersAgain(string dependency);
}
