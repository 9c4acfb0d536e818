using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Auctions.Hosting;

/// <summary>
/// A background service that only the host's stop ends. With a plain <see cref="BackgroundService"/>, an exception that
/// leaves the loop ends the whole process; an exception of another type than expected, such as an
/// <see cref="AggregateException"/> or the cancellation of somebody else's token, has done so.
/// <para>Concurrency: <see cref="LoopAsync"/> runs once at a time.</para>
/// <para>Lifecycle: from the start of the host to its stop. If the loop fails or returns, it begins again after
/// <see cref="RestartDelay"/>.</para>
/// <para>Invariants: no exception but the cancellation of the loop's own stopping token leaves the loop.</para>
/// <para>Bounds: the first of several failures in a row is logged, and then one in
/// <see cref="FailuresPerLogLine"/>; all are counted.</para>
/// </summary>
public abstract class BackgroundLoop(TimeProvider timeProvider, ILogger logger) : BackgroundService
{
    /// <summary>Between a failure of the loop and its next run.</summary>
    public static readonly TimeSpan RestartDelay = TimeSpan.FromSeconds(1);

    private const int FailuresPerLogLine = 60;

    private static readonly Meter Meter = new("Auctions.Hosting");
    private static readonly Counter<long> Failures = Meter.CreateCounter<long>(
        "auctions.loop.failures", "{failure}", "How often a background loop had to begin again, by loop.");

    protected TimeProvider TimeProvider => timeProvider;

    protected ILogger Logger => logger;

    /// <summary>The loop. It may throw anything.</summary>
    protected abstract Task LoopAsync(CancellationToken stoppingToken);

    protected sealed override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Else a loop that does not wait at its beginning would keep the host from starting.
        await Task.Yield();
        await KeepRunningAsync(GetType().Name, LoopAsync, stoppingToken);
    }

    /// <summary>
    /// Runs a loop until the host stops, whatever it throws. A service with two loops calls this for each of them:
    /// neither waits for the other one.
    /// </summary>
    /// <param name="name">For the log and the metric.</param>
    protected async Task KeepRunningAsync(
        string name, Func<CancellationToken, Task> loop, CancellationToken stoppingToken)
    {
        for (var failures = 0; !stoppingToken.IsCancellationRequested; failures++)
        {
            try
            {
                await loop(stoppingToken);
                if (stoppingToken.IsCancellationRequested) return;
                throw new InvalidOperationException("The loop returned before the host stopped.");
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                Failures.Add(1, new KeyValuePair<string, object?>("loop", name));
                if (failures % FailuresPerLogLine == 0) logger.LoopFailed(name, fault);
            }

            await Task.Delay(RestartDelay, timeProvider, stoppingToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
