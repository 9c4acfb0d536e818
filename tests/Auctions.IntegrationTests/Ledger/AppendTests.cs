using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using static Auctions.IntegrationTests.Ledger.LedgerDatabase;

namespace Auctions.IntegrationTests.Ledger;

[Collection(PostgresCollection.Name)]
public class AppendTests(LedgerDatabase db) : IClassFixture<LedgerDatabase>
{
    [Fact]
    public async Task A_bid_on_the_head_is_appended_and_becomes_the_head()
    {
        var auction = await db.OpenAsync();
        var bid = await db.DecideAsync(auction, Proxy("ann", 10_00));

        var result = (await db.AppendAsync(bid))[0];

        Assert.Equal(AppendOutcome.Appended, result.Outcome);
        Assert.Equal(bid, result.Answer);
        var head = await db.HeadAsync(auction);
        Assert.Equal((1, bid.Id, bid.After), (head.Version, head.EntryId, head.State));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task The_same_bid_again_is_already_there_even_below_later_bids()
    {
        var auction = await db.OpenAsync();
        var first = await db.DecideAsync(auction, Proxy("ann", 10_00));
        await db.AppendAsync(first);
        var second = await db.DecideAsync(auction, Proxy("bob", 20_00));
        await db.AppendAsync(second);

        var results = await db.AppendAsync(first, second);

        Assert.All(results, r => Assert.Equal(AppendOutcome.AlreadyThere, r.Outcome));
        Assert.Equal([first, second], results.Select(r => r.Answer));
    }

    [Fact]
    public async Task A_key_that_has_an_answer_gets_this_answer()
    {
        var auction = await db.OpenAsync();
        var bid = Proxy("ann", 10_00);
        var first = await db.DecideAsync(auction, bid);
        await db.AppendAsync(first);

        var result = (await db.AppendAsync(await db.DecideAsync(auction, bid with { Max = 30_00 })))[0];

        Assert.Equal(AppendOutcome.Answered, result.Outcome);
        Assert.Equal(first, result.Answer);
    }

    [Fact]
    public async Task A_bid_whose_predecessor_is_missing_is_early_until_the_predecessor_is_appended()
    {
        var auction = await db.OpenAsync();
        var (first, second) = await TwoAsync(auction);

        Assert.Equal(AppendOutcome.Early, await db.AppendOneAsync(second));
        Assert.Equal(AppendOutcome.Appended, await db.AppendOneAsync(first));
        Assert.Equal(AppendOutcome.Appended, await db.AppendOneAsync(second));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task A_bid_whose_version_another_bid_has_is_a_conflict()
    {
        var auction = await db.OpenAsync();
        var loser = await db.DecideAsync(auction, Proxy("bob", 20_00));
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00)));

        var result = (await db.AppendAsync(loser))[0];

        Assert.Equal(new AppendResult(AppendOutcome.Conflict, null), result);
        Assert.Equal(1, (await db.HeadAsync(auction)).Version);
    }

    [Fact]
    public async Task A_bid_on_an_auction_that_does_not_exist_is_a_conflict()
    {
        await db.SetClockAsync(Start);
        var head = new Head(
            0, Guid.NewGuid(), VaseTerms, AuctionState.Opened(AuctionStatus.Active, Start + Hour), Start);
        foreach (var max in (long[])[10_00, 1])
        {
            var bid = Decide(Guid.NewGuid(), head, Proxy("ann", max));
            Assert.Equal(AppendOutcome.Conflict, await db.AppendOneAsync(bid));
        }
    }

    [Fact]
    public async Task A_rejection_is_recorded_and_found_by_its_key()
    {
        var auction = await db.OpenAsync();
        var rejection = await db.DecideAsync(auction, Proxy("ann", 1));
        Assert.Equal(RejectionReason.TooLow, rejection.Reason);

        Assert.Equal(AppendOutcome.Appended, await db.AppendOneAsync(rejection));
        Assert.Equal(AppendOutcome.AlreadyThere, await db.AppendOneAsync(rejection));
        var key = rejection.Bid.Key;
        Assert.Equal(rejection, await db.Ledger.FindAnswerAsync(auction, "ann", key, CancellationToken.None));
        Assert.Null(await db.Ledger.FindAnswerAsync(auction, "bob", key, CancellationToken.None));
        Assert.Equal(0, (await db.HeadAsync(auction)).Version);
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task A_rejection_whose_basis_is_missing_is_early()
    {
        var auction = await db.OpenAsync();
        var first = await db.DecideAsync(auction, Proxy("ann", 10_00));
        var rejection = Decide(auction, After(await db.HeadAsync(auction), first), Proxy("bob", 1_00));

        Assert.Equal(AppendOutcome.Early, await db.AppendOneAsync(rejection));
        var results = await db.AppendAsync(rejection, first);
        Assert.Equal([AppendOutcome.Appended, AppendOutcome.Appended], results.Select(r => r.Outcome));
    }

    [Fact]
    public async Task A_batch_with_bids_on_many_auctions_has_a_result_for_each_bid()
    {
        var good = await db.OpenAsync();
        var bad = await db.OpenAsync();
        var gone = await db.OpenAsync();
        var (good1, good2) = await TwoAsync(good);
        var (bad1, bad2) = await TwoAsync(bad);
        var low = Decide(good, After(After(await db.HeadAsync(good), good1), good2), Proxy("eve", 1));
        var (_, gone2) = await TwoAsync(gone);

        var results = await db.AppendAsync(good1, bad1 with { Prev = Guid.NewGuid() }, gone2, good2, bad2, low);

        Assert.Equal(
            [
                AppendOutcome.Appended, AppendOutcome.Conflict, AppendOutcome.Early, AppendOutcome.Appended,
                AppendOutcome.Conflict, AppendOutcome.Appended,
            ],
            results.Select(r => r.Outcome));
        Assert.Empty(await db.AuditAsync(good));
        Assert.Equal(0, (await db.HeadAsync(bad)).Version);
    }

    [Fact]
    public async Task A_batch_may_have_bids_that_are_already_there_and_new_bids_on_top_of_them()
    {
        var auction = await db.OpenAsync();
        var (first, second) = await TwoAsync(auction);
        await db.AppendAsync(first);

        var results = await db.AppendAsync(first, second);

        Assert.Equal([AppendOutcome.AlreadyThere, AppendOutcome.Appended], results.Select(r => r.Outcome));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task A_key_that_is_twice_in_a_batch_gets_the_first_answer()
    {
        var auction = await db.OpenAsync();
        var head = await db.HeadAsync(auction);
        var bid = Proxy("ann", 10_00);
        var first = Decide(auction, head, bid);
        var second = Decide(auction, After(head, first), bid with { Max = 20_00 });

        var results = await db.AppendAsync(first, second);

        Assert.Equal([AppendOutcome.Appended, AppendOutcome.Answered], results.Select(r => r.Outcome));
        Assert.Equal(first, results[1].Answer);
    }

    [Fact]
    public async Task A_key_that_is_rejected_and_accepted_in_a_batch_gets_one_answer()
    {
        var auction = await db.OpenAsync();
        var bid = Proxy("ann", 10_00);
        var accepted = await db.DecideAsync(auction, bid);
        var rejected = await db.DecideAsync(auction, bid with { Max = 1 });
        var again = await db.DecideAsync(auction, bid with { Max = 2 });

        var results = await db.AppendAsync(rejected, again, accepted);

        Assert.Equal([AppendOutcome.Answered, AppendOutcome.Answered, AppendOutcome.Appended],
            results.Select(r => r.Outcome));
        Assert.All(results, r => Assert.Equal(accepted, r.Answer));
    }

    [Fact]
    public async Task The_newest_answers_come_first_with_the_rejections()
    {
        var auction = await db.OpenAsync();
        var all = new List<DecidedBid>();
        for (var i = 1; i <= 6; i++)
        {
            var accepted = await db.DecideAsync(auction, Proxy($"bidder{i}", i * 10_00), Start + 2 * i);
            await db.AppendAsync(accepted);
            var rejected = await db.DecideAsync(auction, Proxy("low", 1), Start + 2 * i + 1);
            await db.AppendAsync(rejected);
            all.InsertRange(0, [rejected, accepted]);
        }

        Assert.Equal(
            all[..7], (await db.Ledger.ReadRecentAnswersAsync([auction], 7, CancellationToken.None))[auction]);
    }

    [Fact]
    public async Task A_bid_that_Postgres_cannot_store_is_a_conflict_and_the_others_are_appended()
    {
        var auctions = new List<Guid>();
        for (var i = 0; i < 5; i++) auctions.Add(await db.OpenAsync());
        var bids = new List<DecidedBid>();
        foreach (var auction in auctions) bids.Add(await db.DecideAsync(auction, Proxy("ann", 10_00)));
        bids[3] = bids[3] with
        {
            Bid = bids[3].Bid with { Bidder = "a\0b" },
            After = bids[3].After with { Leader = "a\0b" },
        };

        var results = await db.AppendAsync([.. bids]);

        Assert.Equal(AppendOutcome.Conflict, results[3].Outcome);
        Assert.Equal(4, results.Count(r => r.Outcome == AppendOutcome.Appended));
    }

    [Fact]
    public async Task Former_terms_are_found_by_their_digest()
    {
        var auction = await db.OpenAsync();
        await db.ByHandAsync($"update auctions set reserve = 50000 where id = '{auction}'");

        Assert.Equal(VaseTerms, await db.Ledger.FindTermsAsync(auction, VaseTerms.Digest, CancellationToken.None));
        var now = VaseTerms with { Reserve = 500_00 };
        Assert.Equal(now, await db.Ledger.FindTermsAsync(auction, now.Digest, CancellationToken.None));
        Assert.Null(await db.Ledger.FindTermsAsync(auction, "0000000000000000", CancellationToken.None));
    }

    private async Task<(DecidedBid First, DecidedBid Second)> TwoAsync(Guid auction)
    {
        var head = await db.HeadAsync(auction);
        var first = Decide(auction, head, Proxy("ann", 10_00));
        return (first, Decide(auction, After(head, first), Proxy("bob", 20_00)));
    }
}

/// <summary>The results are the same if all bids are appended as fresh ones, which is wrong for some.</summary>
[Collection(PostgresCollection.Name)]
public sealed class FreshAppendTests : AppendTests
{
    private readonly LedgerDatabase _db;

    public FreshAppendTests(LedgerDatabase db) : base(db)
    {
        _db = db;
        db.AppendsFresh = true;
    }

    [Fact]
    public async Task A_repeated_bid_that_is_not_in_the_ledger_is_appended_with_a_fresh_bid_on_top_of_it()
    {
        var auction = await _db.OpenAsync();
        var first = await _db.DecideAsync(auction, Proxy("ann", 10_00));
        var head = await _db.HeadAsync(auction);
        var second = Decide(auction, After(head, first), Proxy("bob", 20_00));

        await _db.SetClockAsync(second.DecidedUs);
        var results = await _db.Ledger.AppendAsync([first, second], [false, true], [], CancellationToken.None);
        Assert.Equal([AppendOutcome.Appended, AppendOutcome.Appended], results.Select(r => r.Outcome));
    }
}
