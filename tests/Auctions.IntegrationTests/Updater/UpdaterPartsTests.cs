using System.Reflection;
using System.Text;
using Auctions.Events;
using Auctions.Ledger;
using CdcRedisUpdater;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.Updater;

/// <summary>The updater's parts alone, without servers.</summary>
public sealed class UpdaterPartsTests
{
    private static readonly Guid Vase = Guid.NewGuid(), Clock = Guid.NewGuid();

    [Fact]
    public void The_highest_version_of_each_auction_counts_in_any_order()
    {
        EventRecord[] batch = [Row(Vase, 3), Row(Clock, 1), Row(Vase, 5), Row(Vase, 4), Tombstone(Clock)];
        var latest = RepairRedis.LatestHeads(batch, (_, exception) => throw exception);
        Assert.Equal([(Vase, 5L), (Clock, 1L)], latest.Select(head => (head.AuctionId, head.Version)));
    }

    [Fact]
    public void A_row_that_cannot_be_read_is_reported_and_the_others_count()
    {
        var skipped = new List<Guid>();
        EventRecord[] batch = [Row(Vase, "null"), Row(Clock, 1)];
        var latest = RepairRedis.LatestHeads(batch, (record, _) => skipped.Add(record.AuctionId));
        Assert.Equal([Vase], skipped);
        Assert.Equal([Clock], latest.Select(head => head.AuctionId));
    }

    /// <summary>
    /// Some versions of the client throw an AggregateException when the connection breaks during a scan of the keys.
    /// </summary>
    [Fact]
    public async Task The_restart_monitor_survives_an_exception_that_the_client_wraps()
    {
        var redis = DispatchProxy.Create<IConnectionMultiplexer, FailingClient>();
        await using var ledger = NpgsqlDataSource.Create("Host=unused");
        using var monitor = new RedisRestartMonitor(
            redis, new LedgerHistory(LedgerPools.Of(ledger), new LedgerStatements()), repair: null!,
            TimeProvider.System,
            NullLogger<RedisRestartMonitor>.Instance);
        await monitor.StartAsync(CancellationToken.None);

        await Eventually.TrueAsync(() => monitor.ExecuteTask!.IsCompleted || ((FailingClient)redis).Calls > 1);
        Assert.False(monitor.ExecuteTask!.IsCompleted);
        await Eventually.EndsAsync(monitor.StopAsync(CancellationToken.None));
    }

    private static EventRecord Row(Guid auction, object version)
    {
        var after = $$"""{"version":{{version}},"head":"{{Guid.NewGuid()}}","outside_version":0}""";
        var value = """{"op":"u","source":{"table":"auctions"},"after":""" + after + "}";
        return EventRecord.Parse(KafkaTopics.Auctions, 0, 1, EventKey.Of(auction), Encoding.UTF8.GetBytes(value));
    }

    private static EventRecord Tombstone(Guid auction) =>
        EventRecord.Parse(KafkaTopics.Auctions, 0, 9, EventKey.Of(auction), null);

    /// <summary>Every call fails.</summary>
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
