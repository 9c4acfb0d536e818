using System.Collections.Concurrent;
using Grpc.AspNetCore.HealthChecks;
using Grpc.HealthCheck;
using Grpc.Health.V1;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Auctions.Hosting;

/// <summary>
/// What grpc.health.v1 says about a process. The empty name and the names of its gRPC services tell whether it can do its work; the
/// name of a dependency ("postgres") tells whether that dependency answers. Every check runs once a second.
/// </summary>
public static class ServiceHealth
{
    internal const string DrainCheck = "drain", WarmUpCheck = "warm-up";

    private const string RequiredTag = "required";
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Registers the checks that every process has. <see cref="AddServing"/> and <see cref="AddDependency"/> add to them.</summary>
    public static IServiceCollection AddServiceHealth(this IServiceCollection services)
    {
        services.AddGrpcHealthChecks(health =>
        {
            health.UseHealthChecksCache = true;
            health.Services.Map("", check => check.Tags.Contains(RequiredTag));
        });
        services.Configure<HealthCheckPublisherOptions>(publisher => (publisher.Delay, publisher.Period) = (TimeSpan.Zero, Period));
        services.AddSingleton<IHealthCheckPublisher, HealthTransitions>();
        services.AddSingleton<WarmUps>().AddHostedService(provider => provider.GetRequiredService<WarmUps>());
        services.AddSingleton<Drain>().AddHostedService(provider => provider.GetRequiredService<Drain>());
        services.AddHealthChecks()
            .AddCheck<WarmUps>(WarmUpCheck, tags: [RequiredTag])
            .AddCheck<Drain>(DrainCheck, tags: [RequiredTag]);
        return services;
    }

    /// <summary>Gives a gRPC service a health of its own: it serves while the whole process does.</summary>
    /// <param name="fullName">Its full name, such as <c>auctions.v1.BiddingService</c>.</param>
    public static IServiceCollection AddServing(this IServiceCollection services, string fullName) =>
        services.Configure<GrpcHealthChecksOptions>(health =>
            health.Services.Map(fullName, check => check.Tags.Contains(RequiredTag)));

    /// <summary>Adds something outside of the process that it works with.</summary>
    /// <param name="name">Such as "postgres". Its own health can be asked for under this name.</param>
    /// <param name="required">
    /// Whether the process can do nothing without it. Redis is not required: without it, bids are decided on the ledger.
    /// </param>
    /// <param name="probe">Throws if it does not answer. It may take two seconds.</param>
    public static IServiceCollection AddDependency(
        this IServiceCollection services, string name, bool required, Func<IServiceProvider, CancellationToken, Task> probe)
    {
        services.AddHealthChecks().Add(new HealthCheckRegistration(
            name, provider => new DependencyCheck(provider, probe), HealthStatus.Unhealthy, required ? [RequiredTag] : [], ProbeTimeout));
        return services.Configure<GrpcHealthChecksOptions>(health => health.Services.Map(name, check => check.Name == name));
    }

    /// <summary>Until the first result is known, every name is NOT_SERVING and none is unknown.</summary>
    public static void StartAsNotServing(IServiceProvider services)
    {
        var health = services.GetRequiredService<HealthServiceImpl>();
        foreach (var mapping in services.GetRequiredService<IOptions<GrpcHealthChecksOptions>>().Value.Services)
            health.SetStatus(mapping.Name, HealthCheckResponse.Types.ServingStatus.NotServing);
    }

    private sealed class DependencyCheck(IServiceProvider services, Func<IServiceProvider, CancellationToken, Task> probe) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            // A probe may not look at the token: what it takes longer than the timeout is not waited for.
            await probe(services, cancellationToken).WaitAsync(ProbeTimeout, cancellationToken);
            return HealthCheckResult.Healthy();
        }
    }
}

/// <summary>
/// A process that is asked to stop is NOT_SERVING at once. It goes on to accept calls for <c>Listen:DrainDelayMs</c>, so that load
/// balancers look away before connections are refused.
/// </summary>
internal sealed class Drain(
    HealthServiceImpl health, IOptions<GrpcHealthChecksOptions> names, IOptions<ListenOptions> listen, TimeProvider timeProvider)
    : IHealthCheck, IHostedLifecycleService
{
    private volatile bool _draining;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(_draining ? HealthCheckResult.Unhealthy("The process stops.") : HealthCheckResult.Healthy());

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        _draining = true;
        foreach (var mapping in names.Value.Services)
            health.SetStatus(mapping.Name, HealthCheckResponse.Types.ServingStatus.NotServing);
        await Task.Delay(TimeSpan.FromMilliseconds(listen.Value.DrainDelayMs), timeProvider, cancellationToken)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>Logs once when a dependency stops answering, and once when it answers again.</summary>
internal sealed partial class HealthTransitions(ILogger<HealthTransitions> logger) : IHealthCheckPublisher
{
    private readonly ConcurrentDictionary<string, HealthStatus> _known = [];

    public Task PublishAsync(HealthReport report, CancellationToken cancellationToken)
    {
        foreach (var (name, entry) in report.Entries.Where(e => e.Key is not (ServiceHealth.DrainCheck or ServiceHealth.WarmUpCheck)))
        {
            var before = _known.GetOrAdd(name, HealthStatus.Healthy);
            if (before == entry.Status || !_known.TryUpdate(name, entry.Status, before)) continue;
            if (entry.Status == HealthStatus.Healthy) DependencyAnswersAgain(name);
            else DependencyDoesNotAnswer(name, entry.Exception);
        }

        return Task.CompletedTask;
    }

    [LoggerMessage(100, LogLevel.Warning, "{Dependency} does not answer.")]
    private partial void DependencyDoesNotAnswer(string dependency, Exception? exception);

    [LoggerMessage(101, LogLevel.Information, "{Dependency} answers again.")]
    private partial void DependencyAnswersAgain(string dependency);
}
