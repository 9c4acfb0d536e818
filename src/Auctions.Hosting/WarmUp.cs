using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Auctions.Hosting;

/// <summary>
/// A path through a service that runs once before the service reports SERVING, so that the first caller does not wait
/// for the JIT, for query plans and for connections. It leaves nothing behind: no committed row, no key, no record.
/// </summary>
/// <param name="Name">For the log, such as "append".</param>
/// <param name="RunAsync">May throw if a store is away: the warm-up is then skipped.</param>
public sealed record WarmUp(string Name, Func<CancellationToken, Task> RunAsync);

public static class WarmUpRegistration
{
    public static IServiceCollection AddWarmUp(
        this IServiceCollection services, string name, Func<IServiceProvider, CancellationToken, Task> run) =>
        services.AddSingleton(provider => new WarmUp(name, cancellationToken => run(provider, cancellationToken)));
}

/// <summary>
/// Runs the warm-ups when the process listens, and delays SERVING until they are done.
/// <para>Concurrency: one after another, so that two do not compete for the cores of a small machine.</para>
/// <para>Lifecycle: begins when the application has started; ends after the last warm-up or after
/// <see cref="TotalMax"/>.</para>
/// <para>Invariants: a warm-up that fails is logged and skipped; it never prevents SERVING.</para>
/// <para>Bounds: five seconds for all warm-ups together.</para>
/// </summary>
internal sealed class WarmUps(
    IEnumerable<WarmUp> warmUps, IServiceProvider services, IHostApplicationLifetime lifetime,
    TimeProvider timeProvider, ILogger<WarmUps> logger) : BackgroundService, IHealthCheck
{
    private static readonly TimeSpan TotalMax = TimeSpan.FromSeconds(5);

    private volatile bool _isDone;

    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_isDone ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("The process warms up."));

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await WaitForStartAsync(stoppingToken);
            var began = timeProvider.GetTimestamp();
            using var limit = new CancellationTokenSource(TotalMax, timeProvider);
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, limit.Token);
            foreach (var warmUp in warmUps) await RunAsync(warmUp, linked.Token);
            logger.WarmedUp((long)timeProvider.GetElapsedTime(began).TotalMilliseconds);
        }
        finally
        {
            _isDone = true;
        }

        await PublishHealthAsync(stoppingToken);
    }

    private async Task WaitForStartAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken);
    }

    private async Task RunAsync(WarmUp warmUp, CancellationToken cancellationToken)
    {
        try
        {
            // A store's client may ignore the token, so nobody waits for it beyond the limit.
            await warmUp.RunAsync(cancellationToken).WaitAsync(cancellationToken);
        }
        catch (Exception e)
        {
            logger.WarmUpSkipped(warmUp.Name, e.Message);
        }
    }

    /// <summary>Reports SERVING now: the next round of health checks may be a second away.</summary>
    private async Task PublishHealthAsync(CancellationToken stoppingToken)
    {
        var report = await services.GetRequiredService<HealthCheckService>().CheckHealthAsync(stoppingToken);
        foreach (var publisher in services.GetServices<IHealthCheckPublisher>())
        {
            await publisher.PublishAsync(report, stoppingToken);
        }
    }
}
