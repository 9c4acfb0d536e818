using System.Diagnostics.Metrics;
using Auctions.Core;
using Auctions.HotState;
using Auctions.IntegrationTests.Ledger;
using Auctions.IntegrationTests.Servers;
using Auctions.IntegrationTests.Viewers;

namespace Auctions.IntegrationTests.Updater;

/// <summary>The updater with a real Redis, a real Postgres, and change events that the test writes.</summary>
[Collection(PostgresCollection.Name)]
public sealed class UpdaterTests(PostgresServer postgres, RedisServer redis)
    : IClassFixture<RedisServer>, IAsyncLifetime
{
    private static readonly CancellationToken None = CancellationToken.None;

    private TestStack _stack = null!;
    private HandWrittenEvents _events = null!;
    private TestService _updater = null!;
    private RedisHotState _hotState = null!;

    private LedgerDatabase Ledger => _stack.Database;

    public async Task InitializeAsync()
    {
        _stack = await TestStack.StartAsync(postgres, redis, kafka: true);
        _events = new HandWrittenEvents(_stack);
        _hotState = _stack.NewHotState();
        _updater = await StartUpdaterAsync();
    }

    public async Task DisposeAsync()
    {
        _events.Dispose();
        await _stack.DisposeAsync();
    }

    [Fact]
    public async Task An_update_by_hand_makes_Redis_forget_the_auction()
    {
        var auction = await OpenHotAsync();
        await Ledger.ByHandAsync($"update auctions set end_us = end_us + 60000000 where id = '{auction}'");
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
        redis.Process.Resume();
        await Eventually.TrueAsync(async () => await HotHeadAsync(auction) is { There: true });

        _updater = await StartUpdaterAsync();
        await ForgottenAsync(auction);
    }

    [Fact]
    public async Task The_updater_continues_when_Redis_is_back()
    {
        var auction = await OpenHotAsync();
        await FailToRepairAsync(() => _events.SendAsync(auction, row => row["version"] = 1));
        redis.Process.Resume();
        await ForgottenAsync(auction);
    }

    [Fact]
    public async Task Redis_that_comes_back_with_an_older_state_is_repaired_without_an_event()
    {
        var (behind, right) = (await OpenHotAsync(), await OpenHotAsync());
        await Ledger.ByHandAsync($"update auctions set end_us = end_us + 60000000 where id = '{behind}'");
        await redis.Process.KillAsync();
        await redis.StartAsync();

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

        Assert.True(await _hotState.HydrateAsync(auction, null, await Ledger.HeadAsync(auction), [], None));
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
        redis.Process.Suspend();
        await send();
        await Eventually.TrueAsync(() => Interlocked.Read(ref retries) > 0);
    }

    private Task StopUpdaterAsync() => _stack.StopServiceAsync(_updater);

    /// <summary>Its calls to Redis have the timeouts of production.</summary>
    private Task<TestService> StartUpdaterAsync() => _stack.StartServiceAsync(
        CdcRedisUpdater.Composition.Build,
        $"--Redis:Configuration={redis.Configuration}",
        $"--HotState:CallTimeoutMs={new HotStateOptions().CallTimeoutMs}");

    /// <summary>An auction that is the same in the ledger and in Redis.</summary>
    private async Task<Guid> OpenHotAsync()
    {
        var (now, start) = (TestStack.NowUs, TestStack.NowUs - 1_000_000);
        var terms = LedgerDatabase.VaseTerms with { StartUs = start };
        var auction = await Ledger.OpenAsync(terms, now + LedgerDatabase.Hour, start);
        Assert.True(await _hotState.HydrateAsync(auction, null, await Ledger.HeadAsync(auction), [], None));
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
}
