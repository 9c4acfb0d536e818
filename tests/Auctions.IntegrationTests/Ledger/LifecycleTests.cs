using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using static Auctions.IntegrationTests.Ledger.LedgerDatabase;

namespace Auctions.IntegrationTests.Ledger;

[Collection(PostgresCollection.Name)]
public sealed class LifecycleTests(LedgerDatabase db) : IClassFixture<LedgerDatabase>
{
    private const long HalfTime = Start + Hour / 2;

    [Fact]
    public async Task Creating_twice_with_the_same_key_gives_the_same_auction()
    {
        await db.SetClockAsync(Start);
        var auction = New();
        var first = await db.Lifecycle.CreateAsync(auction, CancellationToken.None);
        var second = await db.Lifecycle.CreateAsync(auction with { Id = Guid.NewGuid() }, CancellationToken.None);
        var other = await db.Lifecycle.CreateAsync(
            auction with { Id = Guid.NewGuid(), Digest = "other" }, CancellationToken.None);

        Assert.Equal((CreateOutcome.Created, auction.Id), (first.Outcome, first.Auction.Id));
        Assert.Equal((CreateOutcome.AlreadyCreated, auction.Id), (second.Outcome, second.Auction.Id));
        Assert.Equal((CreateOutcome.KeyReused, auction.Id), (other.Outcome, other.Auction.Id));
        Assert.Equal((auction.Title, auction.Terms, auction.EndUs, Start),
            (first.Auction.Title, first.Auction.Head.Terms, first.Auction.OriginalEndUs, first.Auction.CreatedUs));
        Assert.Empty(await db.AuditAsync(auction.Id));
    }

    [Fact]
    public async Task Two_sellers_may_use_the_same_key()
    {
        await db.SetClockAsync(Start);
        var auction = New();
        await db.Lifecycle.CreateAsync(auction, CancellationToken.None);
        var others = auction with { Id = Guid.NewGuid(), Terms = VaseTerms with { SellerId = "other" } };
        var other = await db.Lifecycle.CreateAsync(others, CancellationToken.None);
        Assert.Equal(CreateOutcome.Created, other.Outcome);
    }

    [Fact]
    public async Task Concurrent_creations_with_the_same_key_create_one_auction()
    {
        await db.SetClockAsync(Start);
        var auction = New();
        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ =>
            db.Lifecycle.CreateAsync(auction with { Id = Guid.NewGuid() }, CancellationToken.None)));
        Assert.Single(results, r => r.Outcome == CreateOutcome.Created);
        Assert.Single(results.Select(r => r.Auction.Id).Distinct());
    }

    [Fact]
    public async Task An_auction_that_starts_later_is_scheduled_and_started_once_when_due()
    {
        var auction = await db.OpenAsync(createdUs: Start - 1);
        Assert.Equal(AuctionStatus.Scheduled, (await db.HeadAsync(auction)).State.Status);

        await db.SetClockAsync(Start - 1);
        Assert.Empty(await db.Waves.StartAsync([auction], CancellationToken.None));
        await db.SetClockAsync(Start);
        Assert.Contains(auction, await db.Waves.FindStartingAsync(100, [], CancellationToken.None));
        Assert.Equal([auction], await db.Waves.StartAsync([auction], CancellationToken.None));
        await db.SetClockAsync(Start + 1);
        Assert.Empty(await db.Waves.StartAsync([auction], CancellationToken.None));

        var row = await db.RowAsync(auction);
        Assert.Equal((AuctionStatus.Active, 1, 1), (row.Head.State.Status, row.Head.Version, row.OutsideVersion));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task An_auction_is_sealed_by_time_at_its_extended_end_and_not_before()
    {
        var terms = VaseTerms with { SoftClose = new SoftClose(Hour / 4, Hour / 2, 1) };
        var auction = await db.OpenAsync(terms);
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00), Start + Hour - 1));
        var end = (await db.HeadAsync(auction)).State.EndUs;
        Assert.Equal(Start + Hour - 1 + Hour / 2, end);

        var early = await db.SealAsync(auction, SealCause.Time, end - 1);
        Assert.Equal((SealOutcome.NotYet, end), (early.Outcome, early.Auction!.Head.State.EndUs));
        var done = await db.SealAsync(auction, SealCause.Time, end);

        Assert.Equal((SealOutcome.Sealed, "ann", EndReason.Time),
            (done.Outcome, done.Auction!.Winner, done.Auction.EndReason));
        Assert.Equal((AuctionStatus.Ended, 2, 2),
            (done.Auction.Head.State.Status, done.Auction.Head.Version, done.Auction.OutsideVersion));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task Without_its_guard_an_auction_is_sealed_before_its_end()
    {
        var auction = await db.OpenAsync();
        var unguarded = NewLifecycle(db.Source, StatementsWithout("seal.end"));

        await db.SetClockAsync(HalfTime);
        var result = await unguarded.SealAsync(new SealRequest(auction, SealCause.Time), CancellationToken.None);
        Assert.Equal(SealOutcome.Sealed, result.Outcome);
        Assert.Contains(await db.AuditAsync(auction), v => v.Field == "end_reason");
    }

    [Fact]
    public async Task Sealing_again_returns_how_the_auction_ended()
    {
        var auction = await db.OpenAsync();
        await db.SealAsync(auction, SealCause.Cancelled, HalfTime, "broken");
        var again = await db.SealAsync(auction, SealCause.Time, Start + Hour);

        Assert.Equal((SealOutcome.AlreadyOver, AuctionStatus.Cancelled, "broken", ""),
            (again.Outcome, again.Auction!.Head.State.Status, again.Auction.CancelReason, again.Auction.Winner));
        Assert.Equal(1, again.Auction.Head.Version);
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task An_auction_below_its_reserve_has_no_winner()
    {
        var auction = await db.OpenAsync(VaseTerms with { Reserve = 50_00 });
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00)));
        var done = await db.SealAsync(auction, SealCause.Time, Start + Hour);

        Assert.Equal(("", EndReason.Time, "ann"),
            (done.Auction!.Winner, done.Auction.EndReason, done.Auction.Head.State.Leader));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task A_purchase_ends_the_auction_at_once()
    {
        var auction = await db.OpenAsync(VaseTerms with { BuyNow = 30_00 });
        var purchase = new Bid("ann", Guid.NewGuid(), BidKind.BuyNow, "", 0, 0);
        await db.AppendAsync(await db.DecideAsync(auction, purchase, HalfTime));
        var done = await db.SealAsync(auction, SealCause.Time, HalfTime);

        Assert.Equal((SealOutcome.Sealed, "ann", EndReason.BoughtNow),
            (done.Outcome, done.Auction!.Winner, done.Auction.EndReason));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Theory]
    [InlineData(SealCause.Cancelled)]
    [InlineData(SealCause.EndedBySeller)]
    [InlineData(SealCause.EndedByService)]
    public async Task A_purchase_is_final_whoever_ends_or_cancels_the_auction(SealCause cause)
    {
        var auction = await db.OpenAsync(VaseTerms with { BuyNow = 30_00 }, endUs: Start + 20 * Hour);
        var purchase = new Bid("ann", Guid.NewGuid(), BidKind.BuyNow, "", 0, 0);
        await db.AppendAsync(await db.DecideAsync(auction, purchase, HalfTime));
        Assert.Equal(AuctionStatus.Bought, (await db.HeadAsync(auction)).State.Status);

        // By the ledger's clock, the end that the purchase has set is still ahead.
        var done = await db.SealAsync(auction, cause, HalfTime - 500_000, "regret");

        Assert.Equal((SealOutcome.Sealed, AuctionStatus.Ended, "ann", EndReason.BoughtNow, ""),
            (done.Outcome, done.Auction!.Head.State.Status, done.Auction.Winner, done.Auction.EndReason,
                done.Auction.CancelReason));
        Assert.Equal((HalfTime, HalfTime + 1), (done.Auction.Head.State.EndUs, done.Auction.DecidedUs));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task Without_its_guard_a_purchase_is_cancelled()
    {
        var auction = await db.OpenAsync(VaseTerms with { BuyNow = 30_00 }, endUs: Start + 20 * Hour);
        var purchase = new Bid("ann", Guid.NewGuid(), BidKind.BuyNow, "", 0, 0);
        await db.AppendAsync(await db.DecideAsync(auction, purchase, HalfTime));
        var unguarded = NewLifecycle(db.Source, StatementsWithout("seal.bought"));

        await db.SetClockAsync(HalfTime - 500_000);
        await unguarded.SealAsync(
            new SealRequest(auction, SealCause.Cancelled, ByService: true), CancellationToken.None);
        Assert.NotEqual("ann", (await db.RowAsync(auction)).Winner);
    }

    [Fact]
    public async Task What_ends_an_auction_early_is_later_than_its_last_bid_by_whichever_clock()
    {
        var auction = await db.OpenAsync(endUs: Start + 20 * Hour);
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00), Start + Hour));
        var done = await db.SealAsync(auction, SealCause.EndedBySeller, Start + Hour - 900_000);

        Assert.Equal((SealOutcome.Sealed, Start + Hour + 1, Start + Hour + 1),
            (done.Outcome, done.Auction!.Head.State.EndUs, done.Auction.DecidedUs));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task Whether_the_end_has_come_is_the_ledgers_clock_even_if_the_last_bid_is_later()
    {
        var auction = await db.OpenAsync(VaseTerms with { Reserve = 50_00 });
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00), Start + Hour - 1));
        var early = await db.SealAsync(auction, SealCause.Time, Start + Hour - 1);
        Assert.Equal(SealOutcome.NotYet, early.Outcome);

        var done = await db.SealAsync(auction, SealCause.Cancelled, Start + Hour - 1, "broken");
        Assert.Equal((AuctionStatus.Cancelled, Start + Hour, Start + Hour),
            (done.Auction!.Head.State.Status, done.Auction.Head.State.EndUs, done.Auction.DecidedUs));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task A_service_may_end_or_cancel_in_the_last_hours_and_its_reason_is_kept()
    {
        foreach (var cause in (SealCause[])[SealCause.EndedByService, SealCause.Cancelled])
        {
            var auction = await db.OpenAsync();
            await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00)));
            var bySeller = await db.SealAsync(auction, SealCause.Cancelled, HalfTime, "regret");
            Assert.Equal(SealOutcome.TooLate, bySeller.Outcome);

            var done = await db.Lifecycle.SealAsync(
                new SealRequest(auction, cause, "fraud", ByService: true), CancellationToken.None);
            Assert.Equal((SealOutcome.Sealed, "fraud"), (done.Outcome, done.Auction!.CancelReason));
            var ended = cause == SealCause.EndedByService;
            Assert.Equal((ended ? "ann" : "", ended ? EndReason.EndedByService : EndReason.None),
                (done.Auction.Winner, done.Auction.EndReason));
            Assert.Empty(await db.AuditAsync(auction));
        }
    }

    [Fact]
    public async Task An_auction_that_has_not_started_can_be_cancelled_but_not_ended()
    {
        var auction = await db.OpenAsync(createdUs: Start - 10);
        var early = await db.SealAsync(auction, SealCause.EndedByService, Start - 1);
        Assert.Equal(SealOutcome.NotStarted, early.Outcome);
        Assert.Equal(SealOutcome.Sealed, (await db.SealAsync(auction, SealCause.Cancelled, Start - 1)).Outcome);
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task An_auction_that_starts_at_once_is_active_even_if_the_clock_of_its_creator_is_ahead()
    {
        await db.SetClockAsync(Start - 500);
        var result = await db.Lifecycle.CreateAsync(New() with { StartsAtOnce = true }, CancellationToken.None);
        var head = result.Auction.Head;
        Assert.Equal((AuctionStatus.Active, Start - 500), (head.State.Status, head.Terms.StartUs));
        Assert.Empty(await db.AuditAsync(result.Auction.Id));
    }

    [Fact]
    public async Task An_auction_that_its_seller_ends_early_goes_to_the_leader()
    {
        var now = Start + Hour;
        var auction = await db.OpenAsync(endUs: Start + 20 * Hour);
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00)));
        var done = await db.SealAsync(auction, SealCause.EndedBySeller, now);

        Assert.Equal((SealOutcome.Sealed, "ann", EndReason.EndedBySeller, now),
            (done.Outcome, done.Auction!.Winner, done.Auction.EndReason, done.Auction.Head.State.EndUs));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Theory]
    [InlineData(12, true, 0, SealOutcome.TooLate)]
    [InlineData(12, false, 0, SealOutcome.Sealed)]
    [InlineData(12, true, 50_00, SealOutcome.Sealed)] // the bid would not win
    [InlineData(13, true, 0, SealOutcome.Sealed)]
    [InlineData(0, true, 0, SealOutcome.Sealed)] // by time
    public async Task A_seller_cannot_end_an_auction_in_the_last_12_hours_with_a_bid_that_would_win(
        int hoursBefore, bool bid, long reserve, SealOutcome expected)
    {
        var end = Start + 20 * Hour;
        var auction = await db.OpenAsync(VaseTerms with { Reserve = reserve }, endUs: end);
        if (bid) await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00)));

        var result = await db.SealAsync(auction, SealCause.EndedBySeller, end - hoursBefore * Hour);

        Assert.Equal(expected, result.Outcome);
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task A_cancellation_after_the_end_is_too_late()
    {
        var auction = await db.OpenAsync();
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00)));
        var done = await db.SealAsync(auction, SealCause.Cancelled, Start + Hour, "regret");

        Assert.Equal((SealOutcome.Sealed, AuctionStatus.Ended, "ann", EndReason.Time),
            (done.Outcome, done.Auction!.Head.State.Status, done.Auction.Winner, done.Auction.EndReason));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task Auctions_that_are_sealed_in_one_call_each_get_their_own_result()
    {
        var due = await db.OpenAsync();
        var later = await db.OpenAsync(endUs: Start + 2 * Hour);
        var missing = Guid.NewGuid();
        await db.SetClockAsync(Start + Hour);
        Guid[] ids = [later, missing, due];
        var results = await db.Lifecycle.SealAsync(
            [.. ids.Select(id => new SealRequest(id, SealCause.Time))], CancellationToken.None);

        Assert.Equal([SealOutcome.NotYet, SealOutcome.NoSuchAuction, SealOutcome.Sealed],
            results.Select(r => r.Outcome));
        Assert.Equal([later, null, due], results.Select(r => r.Auction?.Id));
    }

    [Fact]
    public async Task Terms_can_be_amended_before_the_first_bid_and_texts_until_the_end()
    {
        var auction = await db.OpenAsync();
        var terms = VaseTerms with { Opening = 5_00 };
        var amendment = new Amendment(Title: "Ming", Terms: terms, EndUs: Start + 2 * Hour);
        var (outcome, row) = await AmendAsync(0, amendment);
        Assert.Equal((AmendOutcome.Amended, "Ming", terms, 1L),
            (outcome, row!.Title, row.Head.Terms, row.Head.Version));
        Assert.Equal((Start + 2 * Hour, Start + 2 * Hour), (row.OriginalEndUs, row.Head.State.EndUs));

        var stale = await AmendAsync(0, new Amendment(EndUs: Start + 3 * Hour));
        Assert.Equal(AmendOutcome.VersionChanged, stale.Outcome);
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00)));
        Assert.Equal(AmendOutcome.HasBids, (await AmendAsync(2, new Amendment(Terms: VaseTerms))).Outcome);

        (outcome, row) = await AmendAsync(0, new Amendment(Description: "Old"));
        Assert.Equal((AmendOutcome.Amended, "Old", "Ming", 2L),
            (outcome, row!.Description, row.Title, row.Head.Version));
        var late = await AmendAsync(2, new Amendment(EndUs: Start + 9 * Hour), Start + 2 * Hour);
        Assert.Equal(AmendOutcome.Over, late.Outcome);
        Assert.Equal(AmendOutcome.NoSuchAuction,
            (await db.AmendAsync(Guid.NewGuid(), 0, new Amendment("x"), HalfTime)).Outcome);
        Assert.Empty(await db.AuditAsync(auction));

        Task<AmendResult> AmendAsync(long version, Amendment amendment, long now = HalfTime) =>
            db.AmendAsync(auction, version, amendment, now);
    }

    [Fact]
    public async Task An_amendment_of_the_texts_keeps_an_extended_end()
    {
        var auction = await db.OpenAsync(VaseTerms with { SoftClose = new SoftClose(Hour, Hour, 1) });
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00), HalfTime));
        var state = (await db.HeadAsync(auction)).State;
        await db.AmendAsync(auction, 1, new Amendment(Title: "Ming"), HalfTime);
        Assert.Equal(state, (await db.HeadAsync(auction)).State);
    }

    [Fact]
    public async Task An_auction_whose_start_is_postponed_is_scheduled_again()
    {
        var auction = await db.OpenAsync();
        var changed = await db.AmendAsync(
            auction, 0, new Amendment(Terms: VaseTerms with { StartUs = HalfTime + 1 }), HalfTime);
        Assert.Equal(AuctionStatus.Scheduled, changed.Auction!.Head.State.Status);
        await db.SetClockAsync(HalfTime + 1);
        Assert.Equal([auction], await db.Waves.StartAsync([auction], CancellationToken.None));
        Assert.Empty(await db.AuditAsync(auction));
    }

    private static NewAuction New() => new(
        Guid.NewGuid(), Guid.NewGuid(), "digest", "A vase", "Blue", ["a.jpg"], "vases", "post-1", VaseTerms,
        Start + Hour, StartsAtOnce: false);
}
