using System.Collections.Concurrent;
using Grpc.AspNetCore.HealthChecks;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Auctions.Hosting;

/// <summary>
/// What grpc.health.v1 reports about a process. The empty name and the names of the process' gRPC services: whether it
/// can do its work. The name of a dependency, such as "postgres": whether that dependency answers. Every check runs
/// once a second.
/// </summary>
public static class ServiceHealth
{
    /// <summary>
    /// Whether the clocks that the process uses agree with the ledger's. The check itself logs what it finds.
    /// </summary>
    public const string ClockCheck = "clock";

    internal const string DrainCheck = "drain", WarmUpCheck = "warm-up";

    private const string RequiredTag = "required";
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Registers the checks of every process. <see cref="AddServing"/> and <see cref="AddDependency"/> add others.
    /// </summary>
    public static IServiceCollection AddServiceHealth(this IServiceCollection services)
    {
        services.AddGrpcHealthChecks(health =>
        {
            health.UseHealthChecksCache = true;
            health.Services.Map("", check => check.Tags.Contains(RequiredTag));
        });
        services.Configure<HealthCheckPublisherOptions>(publisher =>
            (publisher.Delay, publisher.Period) = (TimeSpan.Zero, Period));
        services.AddSingleton<IHealthCheckPublisher, DependencyTransitions>();
        services.AddSingleton<WarmUps>().AddHostedService(provider => provider.GetRequiredService<WarmUps>());
        services.AddSingleton<Drain>().AddHostedService(provider => provider.GetRequiredService<Drain>());
        services.AddHealthChecks()
            .AddCheck<WarmUps>(WarmUpCheck, tags: [RequiredTag])
            .AddCheck<Drain>(DrainCheck, tags: [RequiredTag]);
        return services;
    }

    /// <summary>Reports the health of a gRPC service under its own name: it serves while the process does.</summary>
    /// <param name="fullName">Its full name, such as <c>auctions.v1.BiddingService</c>.</param>
    public static IServiceCollection AddServing(this IServiceCollection services, string fullName) =>
        services.Configure<GrpcHealthChecksOptions>(health =>
            health.Services.Map(fullName, check => check.Tags.Contains(RequiredTag)));

    /// <summary>Adds a check of something outside of the process, on which it depends.</summary>
    /// <param name="name">Such as "postgres": a client can ask for the dependency's health under this name.</param>
    /// <param name="required">
    /// Whether the process can do nothing without it. Redis is not required: without it, the ledger decides bids.
    /// </param>
    /// <param name="probe">Throws if the dependency does not answer. It may take two seconds.</param>
    public static IServiceCollection AddDependency(
        this IServiceCollection services, string name, bool required,
        Func<IServiceProvider, CancellationToken, Task> probe)
    {
        services.AddHealthChecks().Add(new HealthCheckRegistration(
            name, provider => new DependencyCheck(provider, probe), HealthStatus.Unhealthy,
            required ? [RequiredTag] : [], ProbeTimeout));
        return services.Configure<GrpcHealthChecksOptions>(health =>
            health.Services.Map(name, check => check.Name == name));
    }

    /// <summary>Sets every name to NOT_SERVING, so that none is unknown before its first result.</summary>
    public static void StartAsNotServing(IServiceProvider services) => SetNotServing(
        services.GetRequiredService<HealthServiceImpl>(),
        services.GetRequiredService<IOptions<GrpcHealthChecksOptions>>().Value);

    internal static void SetNotServing(HealthServiceImpl health, GrpcHealthChecksOptions options)
    {
        foreach (var mapping in options.Services)
        {
            health.SetStatus(mapping.Name, HealthCheckResponse.Types.ServingStatus.NotServing);
        }
    }

    private sealed class DependencyCheck(
        IServiceProvider services, Func<IServiceProvider, CancellationToken, Task> probe) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(
            HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            // A probe may ignore the token, so nobody waits for it beyond the time-out.
            await probe(services, cancellationToken).WaitAsync(ProbeTimeout, cancellationToken);
            return HealthCheckResult.Healthy();
        }
    }
}

/// <summary>
/// A process that stops is NOT_SERVING at once. It accepts calls for another <c>Listen:DrainDelayMs</c>, so that load
/// balancers send no more calls when connections are refused.
/// </summary>
internal sealed class Drain(
    HealthServiceImpl health, IOptions<GrpcHealthChecksOptions> healthOptions, IOptions<ListenOptions> listen,
    TimeProvider timeProvider) : IHealthCheck, IHostedLifecycleService
{
    private volatile bool _isDraining;

    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default) => Task.FromResult(
        _isDraining ? HealthCheckResult.Unhealthy("The process stops.") : HealthCheckResult.Healthy());

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        _isDraining = true;
        ServiceHealth.SetNotServing(health, healthOptions.Value);
        var delay = TimeSpan.FromMilliseconds(listen.Value.DrainDelayMs);
        await Task.Delay(delay, timeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>Logs once when a dependency stops answering, and once when it answers again.</summary>
internal sealed class DependencyTransitions(ILogger<DependencyTransitions> logger) : IHealthCheckPublisher
{
    private readonly ConcurrentDictionary<string, HealthStatus> _lastStatus = [];

    public Task PublishAsync(HealthReport report, CancellationToken cancellationToken)
    {
        foreach (var (name, entry) in report.Entries)
        {
            if (name is ServiceHealth.DrainCheck or ServiceHealth.WarmUpCheck or ServiceHealth.ClockCheck) continue;
            var last = _lastStatus.GetOrAdd(name, HealthStatus.Healthy);
            if (last == entry.Status || !_lastStatus.TryUpdate(name, entry.Status, last)) continue;
            if (entry.Status == HealthStatus.Healthy) logger.DependencyBack(name);
            else logger.DependencyAway(name, entry.Exception);
        }

        return Task.CompletedTask;
    }
}
