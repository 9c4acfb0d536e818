using System.Reflection;
using CdcRedisUpdater;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.Updater;

/// <summary>The monitor with a client of Redis that always fails.</summary>
public sealed class RedisRestartMonitorTests
{
    /// <summary>Some versions of the client throw this where a connection breaks during a scan of the keys.</summary>
    [Fact]
    public async Task A_failure_that_the_client_wraps_does_not_end_the_monitor()
    {
        var redis = DispatchProxy.Create<IConnectionMultiplexer, FailingClient>();
        await using var ledger = NpgsqlDataSource.Create("Host=unused");
        using var monitor = new RedisRestartMonitor(
            redis, ledger, repair: null!, TimeProvider.System, NullLogger<RedisRestartMonitor>.Instance);
        await monitor.StartAsync(CancellationToken.None);

        await Eventually.TrueAsync(() => monitor.ExecuteTask!.IsCompleted || ((FailingClient)redis).Calls > 1);
        Assert.False(monitor.ExecuteTask!.IsCompleted);
        await Eventually.EndsAsync(monitor.StopAsync(CancellationToken.None));
    }

    private class FailingClient : DispatchProxy
    {
        private int _calls;

        public int Calls => Volatile.Read(ref _calls);

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            Interlocked.Increment(ref _calls);
            throw new AggregateException(new RedisException("The connection broke."));
        }
    }
}
