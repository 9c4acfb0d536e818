using System.Diagnostics.Metrics;
using Auctions.Core;
using Auctions.IntegrationTests.Ledger;
using Auctions.IntegrationTests.Servers;
using Auctions.IntegrationTests.Viewers;
using Auctions.HotState;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.Updater;

/// <summary>The updater between a real Redis, a real Postgres and a feed that the test writes.</summary>
[Collection(PostgresCollection.Name)]
public sealed class UpdaterTests(PostgresServer postgres, UpdaterTests.OwnRedis redis) : IClassFixture<UpdaterTests.OwnRedis>, IAsyncLifetime
{
    private static readonly CancellationToken None = CancellationToken.None;

    private readonly LedgerDatabase _ledger = new(postgres);
    private HandWrittenEvents _feed = null!;
    private WebApplication _updater = null!;
    private IConnectionMultiplexer _connection = null!;
    private RedisHotState _hotState = null!;

    public async Task InitializeAsync()
    {
        await _ledger.InitializeAsync();
        _feed = new HandWrittenEvents(_ledger);
        _connection = await RedisConnection.ConnectAsync(redis.Server.PatientConfiguration);
        _hotState = new RedisHotState(_connection, RedisServer.PatientOptions, NullLogger<RedisHotState>.Instance);
        _updater = await StartUpdaterAsync();
    }

    public async Task DisposeAsync()
    {
        await StopUpdaterAsync();
        await _connection.DisposeAsync();
        _feed.Dispose();
        await _ledger.DisposeAsync();
    }

    [Fact]
    public async Task A_hand_written_update_makes_Redis_forget_the_auction()
    {
        var auction = await OpenHotAsync();
        await _ledger.ByHandAsync($"update auctions set end_us = end_us + 60000000 where id = '{auction}'");
        await _feed.SendAsync(auction);
        await ForgottenAsync(auction);
    }

    [Fact]
    public async Task Redis_ahead_of_the_ledger_is_left_alone()
    {
        // Two bids decided in Redis, the first of them in the ledger; the feed brings it, and replays the opening.
        var auction = await OpenHotAsync();
        await _feed.SendAsync(auction);
        var first = await DecideAsync(auction, "ann", 10_00);
        await DecideAsync(auction, "bob", 20_00);
        await _feed.SendAsync(auction, row => { row["version"] = first.Version; row["head"] = first.Id.ToString(); });
        await PassedAsync(await _feed.SendAsync(auction));

        Assert.Equal(2, (await _hotState.ReadHeadAsync(auction, None))!.Value.Version);
    }

    [Fact]
    public async Task Another_entry_than_the_one_that_Redis_decided_makes_it_forget()
    {
        var auction = await OpenHotAsync();
        var first = await DecideAsync(auction, "ann", 10_00);
        await _feed.SendAsync(auction, row => { row["version"] = first.Version; row["head"] = Guid.NewGuid().ToString(); });
        await ForgottenAsync(auction);
        Assert.Equal([first.Id], (await _hotState.ReadPendingAsync(auction, None)).Select(p => p.Id));
    }

    [Fact]
    public async Task What_cannot_be_read_holds_up_nothing()
    {
        var auction = await OpenHotAsync();
        await _feed.SendAsync(auction, (byte[]?)null);
        await _feed.SendAsync(auction, "{"u8.ToArray());
        await _feed.SendAsync(auction, row => row.Remove("head"));
        await _feed.SendAsync(auction, row => row["version"] = 1);
        await ForgottenAsync(auction);
    }

    [Fact]
    public async Task What_was_not_done_with_Redis_away_is_done_by_the_next_updater()
    {
        var auction = await OpenHotAsync();
        await TriedInVainAsync(() => _feed.SendAsync(auction, row => row["version"] = 1));
        await StopUpdaterAsync();
        redis.Server.Process.Resume();
        await Eventually.TrueAsync(async () => await HotHeadAsync(auction) is { There: true });

        _updater = await StartUpdaterAsync();
        await ForgottenAsync(auction);
    }

    [Fact]
    public async Task When_Redis_is_back_the_updater_goes_on_where_it_was()
    {
        var auction = await OpenHotAsync();
        await TriedInVainAsync(() => _feed.SendAsync(auction, row => row["version"] = 1));
        redis.Server.Process.Resume();
        await ForgottenAsync(auction);
    }

    [Fact]
    public async Task Redis_that_comes_back_with_an_older_state_forgets_what_it_has_missed_though_no_event_tells_of_it()
    {
        var (behind, right) = (await OpenHotAsync(), await OpenHotAsync());
        await _ledger.ByHandAsync($"update auctions set end_us = end_us + 60000000 where id = '{behind}'");
        await redis.Server.Process.KillAsync();
        await redis.Server.StartAsync();

        await ForgottenAsync(behind);
        Assert.True(await HotHeadAsync(right) is { There: true });
    }

    [Fact]
    public async Task What_was_done_is_not_done_again()
    {
        var auction = await OpenHotAsync();
        await _feed.SendAsync(auction, row => row["version"] = 1);
        await ForgottenAsync(auction);
        await StopUpdaterAsync(); // Its offsets reach the broker at the latest now.

        Assert.True(await _hotState.HydrateAsync(auction, null, await _ledger.HeadAsync(auction), [], None));
        var other = await OpenHotAsync();
        _updater = await StartUpdaterAsync();
        await PassedAsync(await _feed.SendAsync(other));
        Assert.True(await HotHeadAsync(auction) is { There: true });
    }

    /// <summary>Stops Redis, and returns when the updater has tried and failed.</summary>
    private async Task TriedInVainAsync(Func<Task> send)
    {
        var retries = 0L;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, own) =>
        {
            if (instrument.Name == "auctions.updater.retries") own.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, count, _, _) => Interlocked.Add(ref retries, count));
        listener.Start();
        redis.Server.Process.Suspend();
        await send();
        await Eventually.TrueAsync(() => Interlocked.Read(ref retries) > 0);
    }

    private async Task StopUpdaterAsync()
    {
        await Eventually.EndsAsync(_updater.StopAsync());
        await _updater.DisposeAsync();
    }

    private async Task<WebApplication> StartUpdaterAsync()
    {
        var app = CdcRedisUpdater.Composition.Build(
        [
            "--Listen:Grpc=127.0.0.1:0", $"--Auth:Hs256Key={Convert.ToBase64String(new byte[32])}", "--Logging:LogLevel:Default=Error",
            $"--Postgres:ConnectionString={_ledger.ConnectionString}", $"--Redis:Configuration={redis.Server.Configuration}", $"--Kafka:BootstrapServers={_feed.Kafka.Address}",
        ]);
        await app.StartAsync();
        return app;
    }

    /// <summary>An auction that the ledger and Redis have alike.</summary>
    private async Task<Guid> OpenHotAsync()
    {
        var now = (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        var start = now - 1_000_000;
        var auction = await _ledger.OpenAsync(LedgerDatabase.VaseTerms with { StartUs = start }, now + LedgerDatabase.Hour, start);
        Assert.True(await _hotState.HydrateAsync(auction, null, await _ledger.HeadAsync(auction), [], None));
        return auction;
    }

    private async Task<DecidedBid> DecideAsync(Guid auction, string bidder, long max)
    {
        var proposal = new UndecidedBid(Guid.NewGuid(), LedgerDatabase.Proxy(bidder, max), Guid.Empty, Limited: false);
        return Assert.Single((await _hotState.DecideAsync(auction, [proposal], None))!.Bids);
    }

    /// <summary>Returns once the updater has dealt with all that was sent to a partition before.</summary>
    private async Task PassedAsync(int partition)
    {
        while (true)
        {
            var auction = await OpenHotAsync();
            if (await _feed.SendAsync(auction, row => row["version"] = 1) != partition) continue;
            await ForgottenAsync(auction);
            return;
        }
    }

    private Task ForgottenAsync(Guid auction) => Eventually.TrueAsync(async () => await HotHeadAsync(auction) is { There: false }, "Redis forgot it");

    /// <summary>Null where Redis did not answer.</summary>
    private async Task<(bool There, long Version)?> HotHeadAsync(Guid auction)
    {
        try
        {
            var head = await _hotState.ReadHeadAsync(auction, None);
            return (head is not null, head?.Version ?? 0);
        }
        catch (HotStateUnavailableException)
        {
            return null;
        }
    }

    /// <summary>A Redis that this class may stop.</summary>
    public sealed class OwnRedis : IAsyncLifetime
    {
        public RedisServer Server { get; } = new();

        public Task InitializeAsync() => Server.InitializeAsync();

        public Task DisposeAsync() => Server.DisposeAsync();
    }
}
