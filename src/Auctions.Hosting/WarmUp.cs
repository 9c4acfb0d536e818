using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Auctions.Hosting;

/// <summary>
/// One path that a service runs through before it says SERVING, so that the first caller does not wait for the JIT, for plans and for
/// connections. It leaves nothing behind: no committed row, no key, no record.
/// </summary>
/// <param name="Name">For the log, such as "append".</param>
/// <param name="RunAsync">May throw where a store is away: the path is then skipped.</param>
public sealed record WarmUp(string Name, Func<CancellationToken, Task> RunAsync);

public static class WarmUpRegistration
{
    public static IServiceCollection AddWarmUp(
        this IServiceCollection services, string name, Func<IServiceProvider, CancellationToken, Task> run) =>
        services.AddSingleton(provider => new WarmUp(name, cancellationToken => run(provider, cancellationToken)));
}

/// <summary>
/// Runs the warm-ups once the process listens, and holds SERVING back until they are done.
/// <para>Concurrency: one after another, so that two do not compete for a small machine's cores.</para>
/// <para>Lifecycle: begins when the application has started; ends with the last warm-up, or with <see cref="Limit"/>.</para>
/// <para>Invariants: a warm-up that fails is logged and skipped; it never holds SERVING back.</para>
/// <para>Bounds: five seconds for all of them together.</para>
/// </summary>
internal sealed partial class WarmUps(
    IEnumerable<WarmUp> warmUps, IServiceProvider services, IHostApplicationLifetime lifetime, TimeProvider timeProvider,
    ILogger<WarmUps> logger) : BackgroundService, IHealthCheck
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    private volatile bool _done;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_done ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("The process warms up."));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await StartedAsync(stoppingToken);
            var began = Stopwatch.GetTimestamp();
            using var limit = new CancellationTokenSource(Limit, timeProvider);
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, limit.Token);
            foreach (var warmUp in warmUps) await RunAsync(warmUp, linked.Token);
            WarmedUp((long)Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }
        finally
        {
            _done = true;
        }

        await PublishHealthAsync(stoppingToken);
    }

    /// <summary>The next round of checks may be a second away: a process that is ready says so now.</summary>
    private async Task PublishHealthAsync(CancellationToken stoppingToken)
    {
        var report = await services.GetRequiredService<HealthCheckService>().CheckHealthAsync(stoppingToken);
        foreach (var publisher in services.GetServices<IHealthCheckPublisher>()) await publisher.PublishAsync(report, stoppingToken);
    }

    private async Task RunAsync(WarmUp warmUp, CancellationToken cancellationToken)
    {
        try
        {
            // A store's client may not look at the token: what does not end in time is left behind.
            await warmUp.RunAsync(cancellationToken).WaitAsync(cancellationToken);
        }
        catch (Exception e)
        {
            WarmUpSkipped(warmUp.Name, e.Message);
        }
    }

    private async Task StartedAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken);
    }

    [LoggerMessage(110, LogLevel.Information, "Warmed up in {Milliseconds} ms.")]
    private partial void WarmedUp(long milliseconds);

    [LoggerMessage(111, LogLevel.Information, "The warm-up of {Name} was skipped: {Reason}")]
    private partial void WarmUpSkipped(string name, string reason);
}
