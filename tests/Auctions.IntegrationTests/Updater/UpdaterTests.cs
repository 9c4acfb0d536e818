using System.Diagnostics.Metrics;
using Auctions.Core;
using Auctions.HotState;
using Auctions.IntegrationTests.Ledger;
using Auctions.IntegrationTests.Servers;
using Auctions.IntegrationTests.Viewers;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.Updater;

/// <summary>The updater with a real Redis, a real Postgres, and change events that the test writes.</summary>
[Collection(PostgresCollection.Name)]
public sealed class UpdaterTests(PostgresServer postgres, UpdaterTests.OwnRedis redis)
    : IClassFixture<UpdaterTests.OwnRedis>, IAsyncLifetime
{
    private static readonly CancellationToken None = CancellationToken.None;

    private readonly LedgerDatabase _ledger = new(postgres);
    private HandWrittenEvents _events = null!;
    private WebApplication _updater = null!;
    private IConnectionMultiplexer _connection = null!;
    private RedisHotState _hotState = null!;

    public async Task InitializeAsync()
    {
        await _ledger.InitializeAsync();
        _events = new HandWrittenEvents(_ledger);
        _connection = await RedisConnection.ConnectAsync(redis.Server.PatientConfiguration);
        _hotState = new RedisHotState(_connection, RedisServer.PatientOptions, NullLogger<RedisHotState>.Instance);
        _updater = await StartUpdaterAsync();
    }

    public async Task DisposeAsync()
    {
        await StopUpdaterAsync();
        await _connection.DisposeAsync();
        _events.Dispose();
        await _ledger.DisposeAsync();
    }

    [Fact]
    public async Task An_update_by_hand_makes_Redis_forget_the_auction()
    {
        var auction = await OpenHotAsync();
        await _ledger.ByHandAsync($"update auctions set end_us = end_us + 60000000 where id = '{auction}'");
        await _events.SendAsync(auction);
        await ForgottenAsync(auction);
    }

    [Fact]
    public async Task An_auction_in_which_Redis_is_ahead_of_the_ledger_stays_in_Redis()
    {
        // Redis has decided two bids, and the ledger has the first. Its event comes, then again that of the opening.
        var auction = await OpenHotAsync();
        await _events.SendAsync(auction);
        var first = await DecideAsync(auction, "ann", 10_00);
        await DecideAsync(auction, "bob", 20_00);
        await SendHeadAsync(auction, first.Version, first.Id);
        await ProcessedAsync(await _events.SendAsync(auction));

        Assert.Equal(2, (await _hotState.ReadHeadAsync(auction, None))!.Value.Version);
    }

    [Fact]
    public async Task Another_entry_than_the_one_that_Redis_decided_makes_it_forget_the_auction()
    {
        var auction = await OpenHotAsync();
        var first = await DecideAsync(auction, "ann", 10_00);
        await SendHeadAsync(auction, first.Version, Guid.NewGuid());
        await ForgottenAsync(auction);
        Assert.Equal([first.Id], (await _hotState.ReadPendingAsync(auction, None)).Select(p => p.Id));
    }

    [Fact]
    public async Task Records_that_cannot_be_read_do_not_hold_up_the_others()
    {
        var auction = await OpenHotAsync();
        await _events.SendAsync(auction, (byte[]?)null);
        await _events.SendAsync(auction, "{"u8.ToArray());
        await _events.SendAsync(auction, row => row.Remove("head"));
        await _events.SendAsync(auction, row => row["version"] = 1);
        await ForgottenAsync(auction);
    }

    [Fact]
    public async Task The_next_updater_repairs_what_this_one_could_not_while_Redis_was_away()
    {
        var auction = await OpenHotAsync();
        await FailToRepairAsync(() => _events.SendAsync(auction, row => row["version"] = 1));
        await StopUpdaterAsync();
        redis.Server.Process.Resume();
        await Eventually.TrueAsync(async () => await HotHeadAsync(auction) is { There: true });

        _updater = await StartUpdaterAsync();
        await ForgottenAsync(auction);
    }

    [Fact]
    public async Task The_updater_continues_when_Redis_is_back()
    {
        var auction = await OpenHotAsync();
        await FailToRepairAsync(() => _events.SendAsync(auction, row => row["version"] = 1));
        redis.Server.Process.Resume();
        await ForgottenAsync(auction);
    }

    [Fact]
    public async Task Redis_that_comes_back_with_an_older_state_is_repaired_without_an_event()
    {
        var (behind, right) = (await OpenHotAsync(), await OpenHotAsync());
        await _ledger.ByHandAsync($"update auctions set end_us = end_us + 60000000 where id = '{behind}'");
        await redis.Server.Process.KillAsync();
        await redis.Server.StartAsync();

        await ForgottenAsync(behind);
        Assert.True(await HotHeadAsync(right) is { There: true });
    }

    [Fact]
    public async Task A_repaired_batch_does_not_come_again()
    {
        var auction = await OpenHotAsync();
        await _events.SendAsync(auction, row => row["version"] = 1);
        await ForgottenAsync(auction);
        await StopUpdaterAsync(); // At the latest now, its offsets reach the broker.

        Assert.True(await _hotState.HydrateAsync(auction, null, await _ledger.HeadAsync(auction), [], None));
        var other = await OpenHotAsync();
        _updater = await StartUpdaterAsync();
        await ProcessedAsync(await _events.SendAsync(other));
        Assert.True(await HotHeadAsync(auction) is { There: true });
    }

    /// <summary>Suspends Redis, and returns when the updater has tried to repair it and failed.</summary>
    private async Task FailToRepairAsync(Func<Task> send)
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
            "--Listen:Grpc=127.0.0.1:0",
            $"--Auth:Hs256Key={Convert.ToBase64String(new byte[32])}",
            "--Logging:LogLevel:Default=Error",
            $"--Postgres:ConnectionString={_ledger.ConnectionString}",
            $"--Redis:Configuration={redis.Server.Configuration}",
            $"--Kafka:BootstrapServers={_events.Kafka.Address}",
        ]);
        await app.StartAsync();
        return app;
    }

    /// <summary>An auction that is the same in the ledger and in Redis.</summary>
    private async Task<Guid> OpenHotAsync()
    {
        var now = (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        var start = now - 1_000_000;
        var terms = LedgerDatabase.VaseTerms with { StartUs = start };
        var auction = await _ledger.OpenAsync(terms, now + LedgerDatabase.Hour, start);
        Assert.True(await _hotState.HydrateAsync(auction, null, await _ledger.HeadAsync(auction), [], None));
        return auction;
    }

    private async Task<DecidedBid> DecideAsync(Guid auction, string bidder, long max)
    {
        var proposal = new UndecidedBid(Guid.NewGuid(), LedgerDatabase.Proxy(bidder, max), Guid.Empty, Limited: false);
        return Assert.Single((await _hotState.DecideAsync(auction, [proposal], None))!.Bids);
    }

    /// <summary>Returns when the updater has processed everything that was sent to a partition before.</summary>
    private async Task ProcessedAsync(int partition)
    {
        while (true)
        {
            var auction = await OpenHotAsync();
            if (await _events.SendAsync(auction, row => row["version"] = 1) != partition) continue;
            await ForgottenAsync(auction);
            return;
        }
    }

    private Task SendHeadAsync(Guid auction, long version, Guid entryId) => _events.SendAsync(auction, row =>
    {
        row["version"] = version;
        row["head"] = entryId.ToString();
    });

    private Task ForgottenAsync(Guid auction) => Eventually.TrueAsync(
        async () => await HotHeadAsync(auction) is { There: false }, "Redis forgot the auction");

    /// <summary>Null if Redis did not answer.</summary>
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

    /// <summary>A Redis that only this class uses, so that it may stop it.</summary>
    public sealed class OwnRedis : IAsyncLifetime
    {
        public RedisServer Server { get; } = new();

        public Task InitializeAsync() => Server.InitializeAsync();

        public Task DisposeAsync() => Server.DisposeAsync();
    }
}
