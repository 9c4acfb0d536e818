using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using static Auctions.IntegrationTests.Ledger.LedgerDatabase;

namespace Auctions.IntegrationTests.Ledger;

[Collection(PostgresCollection.Name)]
public sealed class WavesTests(PostgresServer postgres) : IAsyncLifetime
{
    private readonly LedgerDatabase _db = new(postgres);

    public Task InitializeAsync() => _db.InitializeAsync();

    public Task DisposeAsync() => _db.DisposeAsync();

    [Fact]
    public async Task Two_waves_share_the_due_auctions_and_a_claim_does_not_block_sealing()
    {
        var due = new List<Guid>();
        for (var i = 0; i < 5; i++) due.Add(await _db.OpenAsync(endUs: Start + Hour - i));
        await _db.OpenAsync(endUs: Start + 2 * Hour);
        due.Reverse();
        await _db.SetClockAsync(Start + Hour);

        await using (var first = await _db.Waves.ClaimDueAsync(3, [], CancellationToken.None))
        await using (var second = await _db.Waves.ClaimDueAsync(3, [], CancellationToken.None))
        {
            Assert.Equal(due[..3], first.AuctionIds);
            Assert.Equal(due[3..], second.AuctionIds);
            var results = await _db.Lifecycle.SealAsync(
                [.. first.AuctionIds.Select(id => new SealRequest(id, SealCause.Time))], CancellationToken.None);
            Assert.All(results, r => Assert.Equal(SealOutcome.Sealed, r.Outcome));
        }

        await using var remaining = await _db.Waves.ClaimDueAsync(500, [], CancellationToken.None);
        Assert.Equal(due[3..], remaining.AuctionIds);
    }

    [Fact]
    public async Task The_claims_of_a_dead_wave_are_free_at_once()
    {
        var auction = await _db.OpenAsync();
        await _db.SetClockAsync(Start + Hour);
        var dead = await _db.Waves.ClaimDueAsync(500, [], CancellationToken.None);
        Assert.Equal([auction], dead.AuctionIds);

        await _db.ByHandAsync("""
            select pg_terminate_backend(pid, 60000) from pg_stat_activity
            where datname = current_database() and state = 'idle in transaction'
            """);

        await using var next = await _db.Waves.ClaimDueAsync(500, [], CancellationToken.None);
        Assert.Equal([auction], next.AuctionIds);
        await dead.DisposeAsync();
    }

    [Fact]
    public async Task A_scheduled_auction_after_its_end_is_due_too()
    {
        var auction = await _db.OpenAsync(createdUs: Start - 1);
        await _db.SetClockAsync(Start + Hour);
        await using var claim = await _db.Waves.ClaimDueAsync(500, [], CancellationToken.None);
        Assert.Equal([auction], claim.AuctionIds);
        Assert.Equal(SealOutcome.Sealed, (await _db.SealAsync(auction, SealCause.Time, Start + Hour)).Outcome);
        Assert.Empty(await _db.AuditAsync(auction));
    }

    [Fact]
    public async Task A_bought_auction_is_due_at_once_whatever_the_ledgers_clock_says_of_its_end()
    {
        var auction = await _db.OpenAsync(VaseTerms with { BuyNow = 30_00 });
        await _db.OpenAsync();
        var purchase = new Bid("ann", Guid.NewGuid(), BidKind.BuyNow, "", 0, 0);
        await _db.AppendAsync(await _db.DecideAsync(auction, purchase, Start + Hour / 2));
        await _db.SetClockAsync(Start + Hour / 2 - 900_000);

        await using var claim = await _db.Waves.ClaimDueAsync(500, [], CancellationToken.None);
        Assert.Equal([auction], claim.AuctionIds);
        var result = await _db.Lifecycle.SealAsync(new SealRequest(auction, SealCause.Time), CancellationToken.None);
        Assert.Equal((SealOutcome.Sealed, "ann"), (result.Outcome, result.Auction!.Winner));
        Assert.Empty(await _db.AuditAsync(auction));
    }

    [Fact]
    public async Task The_start_is_later_than_the_entry_before_it()
    {
        var auction = await _db.OpenAsync(createdUs: Start - 5);
        await _db.SetClockAsync(Start + 10);
        await _db.ByHandAsync($"update auctions set reserve = 500 where id = '{auction}'");
        await _db.SetClockAsync(Start);
        await _db.Waves.StartAsync([auction], CancellationToken.None);
        Assert.Equal(Start + 11, (await _db.RowAsync(auction)).DecidedUs);
        Assert.Empty(await _db.AuditAsync(auction));
    }

    [Fact]
    public async Task The_next_instants_are_rounded_up_and_distinct()
    {
        const long step = 250_000;
        await _db.OpenAsync(createdUs: Start - Hour);                 // starts at Start, ends at Start + Hour
        await _db.OpenAsync(endUs: Start + Hour - 1);                 // the same instant
        await _db.OpenAsync(endUs: Start + Hour + 1);
        var sealedOne = await _db.OpenAsync(endUs: Start + 10 * step);
        await _db.SealAsync(sealedOne, SealCause.Cancelled, Start);

        Assert.Equal([Start, Start + Hour, Start + Hour + step], await NextAsync(Start - 1, Start + 2 * Hour, 100));
        Assert.Equal([Start + Hour], await NextAsync(Start, Start + Hour, 100));
        Assert.Equal([Start], await NextAsync(Start - 1, Start + 2 * Hour, 1));

        async Task<List<long>> NextAsync(long nowUs, long untilUs, int limit)
        {
            await _db.SetClockAsync(nowUs);
            return await _db.Waves.FindNextInstantsAsync(untilUs - nowUs, step, limit, CancellationToken.None);
        }
    }
}
