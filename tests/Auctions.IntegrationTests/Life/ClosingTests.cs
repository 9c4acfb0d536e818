using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using AuctionService.Closing;
using Microsoft.Extensions.DependencyInjection;
using StackExchange.Redis;
using V1 = Auctions.V1;

namespace Auctions.IntegrationTests.Life;

[Collection(LifeCollection.Name)]
public sealed class ClosingTests(LifeServers servers)
{
    private const string Sealed = "select count(*) from ledger where kind = 'sealed'";

    // The goal is a second; a machine that runs other tests as well gets more.
    private const long LateMaxUs = 10_000_000;

    [Fact]
    public async Task Auctions_of_one_instant_share_a_trigger_and_are_each_sealed_once_with_the_right_winner()
    {
        await using var host = await LifeHost.StartAsync(servers);
        var end = LifeHost.In(TimeSpan.FromSeconds(8));
        var auctions = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => host.CreateAsync(a =>
        {
            a.OriginalEndTime = end;
            if (i % 3 == 0) a.ReservePrice = LifeHost.Usd(500_00);
        })));
        Assert.Equal(1, await host.CountAsync("select count(*) from qrtz_triggers where trigger_group = 'instants'"));
        foreach (var auction in auctions.Take(30)) await host.BidAsync(auction, "ann", 20_00);

        await Eventually.TrueAsync(async () => await host.CountAsync("select count(*) from auctions where status = 'ended'") == auctions.Length);
        Assert.Equal(auctions.Length, await host.CountAsync(Sealed));
        Assert.InRange(await host.CountAsync("select max(decided_us - end_us) from auctions"), 0, LateMaxUs);
        Assert.Equal(20, await host.CountAsync("select count(*) from auctions where winner = 'ann' and bid_count = 1 and reserve = 0"));
        Assert.Equal(40, await host.CountAsync("select count(*) from auctions where winner = ''"));
        Assert.Equal(auctions.Length, await host.CountAsync("select count(*) from auctions where end_reason = 'time'"));
        await Eventually.TrueAsync(async () => await host.CountAsync("select count(*) from qrtz_triggers") == 0);
    }

    [Fact]
    public async Task A_bid_that_extends_the_end_is_waited_for()
    {
        await using var host = await LifeHost.StartAsync(servers);
        var auction = await host.CreateAsync(a =>
        {
            a.OriginalEndTime = LifeHost.In(TimeSpan.FromSeconds(3));
            a.SoftClose = new V1.SoftClose
            {
                Window = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromMinutes(1)),
                Extension = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromSeconds(5)),
                MaxExtensions = 1,
            };
        });

        // Not even in the ledger when the first end comes: Redis alone knows of the extension then.
        var bid = await host.BidAsync(auction, "ann", 20_00, persist: false);
        Assert.Equal(1, bid.After.Extensions);
        var ended = await host.EndedAsync(auction);
        Assert.Equal(("ann", 2L, 1), (ended.WinnerId, ended.State.Version, ended.State.ExtensionsUsed));
        Assert.Equal(0, await host.CountAsync("select count(*) from ledger where kind = 'sealed' and decided_us < end_us"));
        Assert.Equal(bid.After.EndUs, await host.CountAsync("select end_us from auctions"));
    }

    [Fact]
    public async Task The_guard_alone_closes_what_is_due_also_what_came_due_while_nothing_ran()
    {
        var database = await servers.Postgres.CreateDatabaseAsync();
        V1.Auction first;
        await using (var host = await LifeHost.StartAsync(database, servers.Redis, "--Auction:Waves=false"))
        {
            Assert.Equal(0, await host.CountAsync("select count(*) from pg_tables where tablename like 'qrtz%'"));
            first = await host.CreateAsync(a => a.OriginalEndTime = LifeHost.In(TimeSpan.FromSeconds(2)));
            await host.EndedAsync(first);
            first = await host.CreateAsync(a => a.OriginalEndTime = LifeHost.In(TimeSpan.FromSeconds(2)));
        }

        await using var again = await LifeHost.StartAsync(database, servers.Redis, "--Auction:Waves=false");
        await again.EndedAsync(first);
    }

    [Fact]
    public async Task A_bid_that_Redis_decided_in_time_and_nobody_persisted_wins()
    {
        await using var host = await LifeHost.StartAsync(servers);
        var auction = await host.CreateAsync(a => a.OriginalEndTime = LifeHost.In(TimeSpan.FromSeconds(3)));
        await host.BidAsync(auction, "ann", 20_00, persist: false);
        Assert.Equal("ann", (await host.EndedAsync(auction)).WinnerId);
        Assert.Empty(await host.HotState.ReadPendingAsync(Guid.Parse(auction.AuctionId), CancellationToken.None));

        // Redis holds nothing older than the ledger.
        var hot = await host.HotState.ReadHeadAsync(Guid.Parse(auction.AuctionId), CancellationToken.None);
        Assert.True(hot is null || hot.Value.Version == 2, $"Redis is at {hot}.");
    }

    [Fact]
    public async Task A_closer_whose_clock_is_ahead_of_Redis_ends_nothing_early()
    {
        await using var host = await LifeHost.StartAsync(servers);
        var auction = await host.CreateAsync();
        await host.BidAsync(auction, "ann", 20_00);
        var early = ActivatorUtilities.CreateInstance<CloseAuctions>(host.App.Services, new ClockAhead(TimeSpan.FromHours(2)));

        await early.CloseDueAsync(CancellationToken.None);
        await host.BidAsync(auction, "bob", 30_00);
        Assert.Equal(("bob", V1.AuctionStatus.Active), ((await host.GetAsync(auction)).State.LeaderId, (await host.GetAsync(auction)).State.Status));
    }

    [Fact]
    public async Task A_forged_end_in_Redis_keeps_nothing_open_and_what_was_decided_under_it_is_turned_away()
    {
        await using var host = await LifeHost.StartAsync(servers);
        var auction = await host.CreateAsync(a => a.OriginalEndTime = LifeHost.In(TimeSpan.FromSeconds(3)));
        await host.BidAsync(auction, "ann", 20_00);
        await using var redis = await ConnectionMultiplexer.ConnectAsync(servers.Redis.PatientConfiguration);
        var keys = await redis.GetDatabase().HashSetAsync(new Auctions.HotState.HotKeys(Guid.Parse(auction.AuctionId)).Auction, "end_us", LifeHost.NowUs + 3_600_000_000);
        Assert.False(keys);
        await host.BidAsync(auction, "bob", 90_00, persist: false);

        var ended = await host.EndedAsync(auction);
        Assert.Equal(("ann", 1L), (ended.WinnerId, ended.State.BidCount));
        await Eventually.TrueAsync(async () =>
            (await host.HotState.ReadPendingAsync(Guid.Parse(auction.AuctionId), CancellationToken.None)).Count == 0);
    }

    [Fact]
    public async Task Scheduled_auctions_start_at_their_instant()
    {
        await using var host = await LifeHost.StartAsync(servers);
        var auction = await host.CreateAsync(a => (a.StartTime, a.OriginalEndTime) = (LifeHost.In(TimeSpan.FromSeconds(2)), LifeHost.In(TimeSpan.FromHours(1))));
        Assert.Equal(V1.AuctionStatus.Scheduled, auction.State.Status);
        Assert.Equal(RejectionReason.NotStarted, (await host.BidAsync(auction, "ann", 20_00)).Reason);
        await Eventually.TrueAsync(async () => (await host.GetAsync(auction)).State.Status == V1.AuctionStatus.Active);
        Assert.Equal(1, await host.CountAsync("select count(*) from ledger where kind = 'started' and version = 1"));
        // Redis, which the bid before the start brought it into, forgets it a moment after.
        await Eventually.TrueAsync(async () => await host.HotState.ReadHeadAsync(Guid.Parse(auction.AuctionId), CancellationToken.None) is null);
        Assert.True((await host.BidAsync(auction, "ann", 20_00)).Accepted);
    }

    [Fact]
    public async Task An_end_that_an_operator_moved_by_hand_is_found()
    {
        var database = await servers.Postgres.CreateDatabaseAsync();
        await using var host = await LifeHost.StartAsync(database, servers.Redis);
        var auction = await host.CreateAsync();
        await PostgresServer.ExecuteAsync(database, "update auctions set end_us = now_us()");
        Assert.Equal(2, (await host.EndedAsync(auction)).State.Version);
    }

    [Fact]
    public async Task Two_instances_seal_each_auction_exactly_once()
    {
        var database = await servers.Postgres.CreateDatabaseAsync();
        var hosts = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ =>
            LifeHost.StartAsync(database, servers.Redis, "--Auction:ClosingsMax=7")));
        try
        {
            var ends = Enumerable.Range(0, 4).Select(i => LifeHost.In(TimeSpan.FromSeconds(8 + 0.4 * i))).ToArray();
            var auctions = await Task.WhenAll(Enumerable.Range(0, 80).Select(i => hosts[i % 2].CreateAsync(a => a.OriginalEndTime = ends[i / 2 % 4])));

            // Both have auctions of each instant.
            Assert.Equal(4, await hosts[0].CountAsync("select count(*) from qrtz_triggers where trigger_group = 'instants'"));
            foreach (var auction in auctions.Take(20)) await hosts[1].BidAsync(auction, "ann", 20_00, persist: false);
            await Eventually.TrueAsync(async () => await hosts[0].CountAsync("select count(*) from auctions where status = 'ended'") == auctions.Length);
            Assert.Equal(auctions.Length, await hosts[0].CountAsync(Sealed));
            Assert.Equal(20, await hosts[0].CountAsync("select count(*) from auctions where winner = 'ann'"));
        }
        finally
        {
            foreach (var host in hosts) await host.DisposeAsync();
        }
    }

    private sealed class ClockAhead(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
    }
}
