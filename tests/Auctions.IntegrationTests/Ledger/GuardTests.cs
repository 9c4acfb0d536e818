using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using static Auctions.IntegrationTests.Ledger.LedgerDatabase;

namespace Auctions.IntegrationTests.Ledger;

/// <summary>
/// Each guard of the append is necessary: a bid that breaks only this guard is not appended, and it is appended when
/// the guard's line is removed from the statement.
/// </summary>
[Collection(PostgresCollection.Name)]
public class GuardTests(PostgresServer postgres, LedgerDatabase db) : IClassFixture<LedgerDatabase>
{
    private const long At = Start + Hour / 2;

    /// <summary>Bids that are valid on a head except for one forged value.</summary>
    private static readonly Dictionary<string, Func<Guid, Head, DecidedBid>> Forgeries = new()
    {
        ["pred.id"] = (id, head) => Challenge(id, head) with { Prev = Guid.NewGuid() },
        ["pred.version"] = (id, head) => Challenge(id, head) with { Version = head.Version + 2 },
        ["before.status"] = (id, head) => Challenge(id, head, before: s => s with { Status = AuctionStatus.Scheduled }),
        ["before.price"] = (id, head) => Challenge(id, head, before: s => s with { Price = s.Price + 1 }),
        ["before.ceiling"] = (id, head) => Challenge(id, head, before: s => s with { Ceiling = s.Ceiling - 1 }),
        ["before.leader"] = (id, head) => Challenge(id, head, before: s => s with { Leader = "zed" }),
        ["before.end"] = (id, head) => Challenge(id, head, before: s => s with { EndUs = s.EndUs + 1 }),
        ["before.extensions"] = (id, head) => Challenge(id, head, before: s => s with { Extensions = 1 }),
        ["before.bid_count"] = (id, head) => Challenge(id, head, before: s => s with { BidCount = 7 }),
        ["before.terms"] = (id, head) =>
            Challenge(id, head with { Terms = VaseTerms with { Increment = new Increment.Fixed(1) } }),
        ["end"] = (id, head) => Challenge(id, head) with { DecidedUs = head.State.EndUs },
        ["time"] = (id, head) => Challenge(id, head) with { DecidedUs = head.DecidedUs - 1 },
        ["after.status"] = (id, head) => Challenge(id, head, after: s => s with { Status = AuctionStatus.Scheduled }),
        ["after.price"] = (id, head) => Challenge(id, head, after: s => s with { Price = head.State.Price - 1 }),
        ["after.ceiling"] = (id, head) => Challenge(
            id, head, after: s => s with { Price = head.State.Price + 1, Ceiling = head.State.Ceiling - 1 }),
        ["after.rises"] = (id, head) => Challenge(
            id, head, after: s => s with { Price = head.State.Price, Ceiling = head.State.Ceiling }),
        ["after.bounds"] = (id, head) => Challenge(id, head, after: s => s with { Ceiling = Currency.MaxAmount + 1 }),
        ["after.bid_count"] = (id, head) => Challenge(id, head, after: s => s with { BidCount = head.State.BidCount }),
    };

    public static TheoryData<string> Guards => [.. Forgeries.Keys];

    public static TheoryData<string> GuardsOfRejections =>
        [.. Forgeries.Keys.Where(guard => guard.StartsWith("before.", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Guards))]
    public async Task A_forged_bid_is_not_appended_because_of_its_guard(string guard)
    {
        var (auction, head) = await OneBidAsync();
        var forged = Forgeries[guard](auction, head);

        Assert.NotEqual(AppendOutcome.Appended, await db.AppendOneAsync(forged));
        Assert.Equal(head, await db.HeadAsync(auction));
        Assert.Equal(AppendOutcome.Appended, await AppendWithoutAsync(guard, forged));
    }

    [Theory]
    [MemberData(nameof(Guards))]
    public async Task A_forged_bid_is_not_appended_after_another_bid_of_its_batch(string guard)
    {
        var (auction, head) = await OneBidAsync();
        var first = Decide(auction, head, Proxy("cat", 40_00), At - 1);
        var forged = Forgeries[guard](auction, After(head, first));

        Assert.NotEqual(AppendOutcome.Appended, (await db.AppendAsync(first, forged))[1].Outcome);
        Assert.Equal(first.Id, (await db.HeadAsync(auction)).EntryId);

        var (other, otherHead) = await OneBidAsync();
        first = Decide(other, otherHead, Proxy("cat", 40_00), At - 1);
        forged = Forgeries[guard](other, After(otherHead, first));
        var without = NewLedger(db.Source, StatementsWithout(guard));
        await db.AdvanceClockAsync(forged.DecidedUs);
        var results = await without.AppendAsync([first, forged], [], [], CancellationToken.None);
        Assert.Equal(AppendOutcome.Appended, results[1].Outcome);
    }

    [Theory]
    [MemberData(nameof(GuardsOfRejections))]
    public async Task A_forged_rejection_is_a_conflict_because_of_its_guard(string guard)
    {
        var (auction, head) = await OneBidAsync();
        var forged = Rejected(Forgeries[guard](auction, head));

        Assert.Equal(AppendOutcome.Conflict, await db.AppendOneAsync(forged));
        var (bidder, key) = (forged.Bid.Bidder, forged.Bid.Key);
        Assert.Null(await db.Ledger.FindAnswerAsync(auction, bidder, key, CancellationToken.None));
        Assert.Equal(AppendOutcome.Appended, await AppendWithoutAsync(guard, forged));
    }

    [Fact]
    public async Task A_rejection_with_another_basis_is_a_conflict()
    {
        var (auction, head) = await OneBidAsync();
        var forged = Decide(auction, head with { EntryId = Guid.NewGuid() }, Proxy("bob", 1), At);

        Assert.Equal(AppendOutcome.Conflict, await db.AppendOneAsync(forged));
        Assert.Equal(AppendOutcome.Appended, await AppendWithoutAsync("basis", forged));
    }

    [Fact]
    public async Task A_rejection_that_was_decided_after_the_successor_of_its_basis_is_a_conflict()
    {
        var (auction, head) = await OneBidAsync();
        await db.AppendAsync(Decide(auction, head, Proxy("cat", 40_00), At));

        var same = Decide(auction, head, Proxy("bob", 1), At);
        Assert.Equal(AppendOutcome.Appended, await db.AppendOneAsync(same));

        var later = Decide(auction, head, Proxy("bob", 1), At + 1);
        Assert.Equal(AppendOutcome.Conflict, await AppendOfCallAsync(later, ageUs: Hour));
        Assert.Equal(AppendOutcome.Appended, await AppendWithoutAsync("superseded", later, ageUs: Hour));
    }

    [Fact]
    public async Task A_rejection_is_a_conflict_if_the_successor_of_its_basis_was_recorded_before_the_call()
    {
        var (auction, head) = await OneBidAsync();
        await db.SetClockAsync(At);
        await db.AppendAsync(Decide(auction, head, Proxy("cat", 40_00), At));

        // A Redis that is behind in data and in clock, half an hour later.
        await db.SetClockAsync(At + Hour / 2);
        var outdated = Decide(auction, head, Proxy("bob", 1), At - 1);
        Assert.Equal(AppendOutcome.Conflict, await AppendOfCallAsync(outdated, ageUs: Hour / 4));
        Assert.Equal(AppendOutcome.Appended, await AppendWithoutAsync("outdated", outdated, ageUs: Hour / 4));

        var longCall = Decide(auction, head, Proxy("bob", 1), At - 1);
        Assert.Equal(AppendOutcome.Appended, await AppendOfCallAsync(longCall, ageUs: Hour));
    }

    [Fact]
    public async Task A_rejection_of_a_call_whose_age_is_not_known_rests_on_the_head_or_on_its_own_transaction()
    {
        var (auction, head) = await OneBidAsync();
        await db.SetClockAsync(At);
        var next = Decide(auction, head, Proxy("cat", 40_00), At);
        var rejected = Decide(auction, head, Proxy("bob", 1), At);
        Assert.Equal([AppendOutcome.Appended, AppendOutcome.Appended],
            (await db.AppendAsync(rejected, next)).Select(r => r.Outcome));

        await db.SetClockAsync(At + 1);
        var outdated = Decide(auction, head, Proxy("bob", 1), At);
        Assert.Equal(AppendOutcome.Conflict, await db.AppendOneAsync(outdated));
        var onHead = Decide(auction, After(head, next), Proxy("bob", 1), At);
        Assert.Equal(AppendOutcome.Appended, await db.AppendOneAsync(onHead));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Theory]
    [InlineData(30_00)]
    [InlineData(1)]
    public async Task A_bid_that_was_decided_before_the_entry_that_it_rests_on_is_a_conflict(long max)
    {
        var (auction, head) = await OneBidAsync();
        var early = Decide(auction, head, Proxy("bob", max), At) with { DecidedUs = head.DecidedUs - 1 };

        Assert.Equal(AppendOutcome.Conflict, await db.AppendOneAsync(early));
        Assert.Equal(AppendOutcome.Appended, await AppendWithoutAsync("time", early));
    }

    [Fact]
    public async Task A_purchase_that_was_not_decided_later_than_the_bid_before_it_is_a_conflict()
    {
        var auction = await db.OpenAsync(VaseTerms with { BuyNow = 90_00, Reserve = 50_00 });
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00), At));
        var head = await db.HeadAsync(auction);
        var purchase = Decide(auction, head, new Bid("bob", Guid.NewGuid(), BidKind.BuyNow, "", 0, 0), At);
        Assert.Equal((At + 1, At + 1), (purchase.DecidedUs, purchase.After.EndUs));

        var together = purchase with { DecidedUs = At, After = purchase.After with { EndUs = At } };
        Assert.Equal(AppendOutcome.Conflict, await db.AppendOneAsync(together));
        Assert.Equal(AppendOutcome.Appended, await db.AppendOneAsync(purchase));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Theory]
    [InlineData(30_00)]
    [InlineData(1)]
    public async Task A_bid_that_was_decided_more_than_a_second_ahead_of_the_ledgers_clock_is_refused_as_ahead(long max)
    {
        var (auction, head) = await OneBidAsync();
        await db.SetClockAsync(At);
        var ahead = Decide(auction, head, Proxy("bob", max), At + 1_000_001);
        var fresh = db.AppendsFresh ? (bool[])[true] : [];

        var refused = await db.Ledger.AppendAsync([ahead], fresh, [], CancellationToken.None);
        Assert.Equal(new AppendResult(AppendOutcome.Ahead, null), refused[0]);
        Assert.Equal(head, await db.HeadAsync(auction));

        await db.SetClockAsync(At + 1);
        var (other, otherHead) = await OneBidAsync();
        await db.SetClockAsync(At);
        ahead = Decide(other, otherHead, Proxy("bob", max), At + 1_000_001);
        Assert.Equal(AppendOutcome.Appended, await AppendWithoutAsync("ahead", ahead));
        await db.SetClockAsync(At);
        var justInTime = Decide(auction, head, Proxy("bob", max), At + 1_000_000);
        var taken = await db.Ledger.AppendAsync([justInTime], fresh, [], CancellationToken.None);
        Assert.Equal(AppendOutcome.Appended, taken[0].Outcome);
    }

    [Fact]
    public async Task No_bid_joins_a_purchase_by_whichever_clock()
    {
        var auction = await db.OpenAsync(VaseTerms with { BuyNow = 30_00 });
        var head = await db.HeadAsync(auction);
        var purchase = Decide(auction, head, new Bid("ann", Guid.NewGuid(), BidKind.BuyNow, "", 0, 0), At);
        head = After(head, purchase);
        var late = Challenge(auction, head, before: s => s with { Status = AuctionStatus.Active, EndUs = At + Hour });
        late = late with { Before = head.State };
        Assert.Equal([AppendOutcome.Appended, AppendOutcome.Conflict],
            (await db.AppendAsync(purchase, late)).Select(r => r.Outcome));
        Assert.Equal(AppendOutcome.Conflict, await db.AppendOneAsync(late with { DecidedUs = At - 1 }));

        // A rejection by such a clock is right: the auction is over.
        var rejected = Decide(auction, head, Proxy("bob", 90_00), At - 1);
        Assert.Equal((RejectionReason.Ended, At), (rejected.Reason, rejected.DecidedUs));
        Assert.Equal(AppendOutcome.Appended, await db.AppendOneAsync(rejected));
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task Nothing_follows_the_sealing_entry_even_if_Redis_has_it()
    {
        var (auction, _) = await OneBidAsync();
        await db.SetClockAsync(At);
        await db.Lifecycle.SealAsync(
            new SealRequest(auction, SealCause.Cancelled, ByService: true), CancellationToken.None);
        var head = await db.HeadAsync(auction);
        var forged = Challenge(auction, head, before: s => s with { Status = AuctionStatus.Active });
        forged = forged with { Before = head.State };

        Assert.Equal(AppendOutcome.Conflict, await db.AppendOneAsync(forged));
        Assert.Equal(AppendOutcome.Appended, await AppendWithoutAsync("over", forged));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_look_up_and_the_index_each_allow_only_one_answer_for_a_key(bool accepted)
    {
        var own = new LedgerDatabase(postgres);
        await own.InitializeAsync();
        var auction = await own.OpenAsync();
        var first = await own.DecideAsync(auction, Proxy("bob", accepted ? 30_00 : 1), At);
        await own.AppendAsync(first);
        var again = await own.DecideAsync(auction, first.Bid with { Max = accepted ? 60_00 : 2 }, At);
        var withoutLookUp = NewLedger(own.Source, new LedgerStatements
        {
            AnswersToKeys = "select 1 where $1::uuid[] is null and $2::text[] is null and $3::uuid[] is null",
        });

        await Assert.ThrowsAsync<LedgerUnavailableException>(() => AppendAsync(withoutLookUp));
        Assert.Equal(AppendOutcome.Answered, await AppendAsync(own.Ledger, fresh: true));

        await own.ByHandAsync("drop index ledger_answers");
        Assert.Equal(AppendOutcome.Answered, await AppendAsync(own.Ledger));
        Assert.Equal(AppendOutcome.Appended, await AppendAsync(withoutLookUp));
        await own.DisposeAsync();

        async Task<AppendOutcome> AppendAsync(PostgresLedger ledger, bool fresh = false) =>
            (await ledger.AppendAsync([again], fresh ? [true] : [], [], CancellationToken.None))[0].Outcome;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_key_that_is_twice_in_a_batch_gets_one_answer_and_the_second_is_no_predecessor(bool accepted)
    {
        var (auction, head) = await OneBidAsync();
        var first = Decide(auction, head, Proxy("bob", accepted ? 30_00 : 1), At);
        var second = Decide(auction, After(head, first), first.Bid with { Max = accepted ? 60_00 : 2 }, At);
        var third = Decide(auction, After(After(head, first), second), Proxy("cat", 90_00), At);

        var last = accepted ? AppendOutcome.Conflict : AppendOutcome.Appended;
        Assert.Equal([AppendOutcome.Appended, AppendOutcome.Answered, last],
            (await db.AppendAsync(first, second, third)).Select(r => r.Outcome));
    }

    [Fact]
    public void Every_guard_of_the_statements_has_a_test()
    {
        // LockedRowTests has the test of the guard "locked".
        string[] here = [.. Forgeries.Keys, "over", "ahead", "basis", "superseded", "outdated", "locked"];
        var statements = new LedgerStatements();
        var there = (statements.Append + statements.RecordRejections).Split('\n')
            .Where(l => l.Contains("-- guard: ", StringComparison.Ordinal))
            .Select(l => l[(l.IndexOf("-- guard: ", StringComparison.Ordinal) + 10)..])
            .Distinct();
        Assert.Equal(here.Order(), there.Order());
    }

    /// <summary>An auction that ann leads, at 1.00, up to 10.00.</summary>
    private async Task<(Guid Auction, Head Head)> OneBidAsync()
    {
        var auction = await db.OpenAsync();
        await db.AppendAsync(await db.DecideAsync(auction, Proxy("ann", 10_00)));
        return (auction, await db.HeadAsync(auction));
    }

    /// <summary>A bid on the head, with forged states before and after it.</summary>
    private static DecidedBid Challenge(
        Guid auction, Head head, Func<AuctionState, AuctionState>? before = null,
        Func<AuctionState, AuctionState>? after = null)
    {
        if (before is not null) head = head with { State = before(head.State) };
        var bid = Decide(auction, head, Proxy("bob", 90_00), At);
        return after is null ? bid : bid with { After = after(bid.After) };
    }

    /// <summary>A rejection with the same basis and the same state before.</summary>
    private static DecidedBid Rejected(DecidedBid accepted) => accepted with
    {
        Version = accepted.Version - 1,
        Outcome = BidOutcome.Rejected,
        Reason = RejectionReason.TooLow,
        After = accepted.Before,
    };

    /// <param name="ageUs">The age of the bid's call.</param>
    private async Task<AppendOutcome> AppendOfCallAsync(DecidedBid bid, long ageUs) =>
        (await db.Ledger.AppendAsync([bid], [db.AppendsFresh], [ageUs], CancellationToken.None))[0].Outcome;

    private async Task<AppendOutcome> AppendWithoutAsync(string guard, DecidedBid bid, long ageUs = 0)
    {
        var without = NewLedger(db.Source, StatementsWithout(guard));
        return (await without.AppendAsync([bid], [], [ageUs], CancellationToken.None))[0].Outcome;
    }
}

/// <summary>The guards hold for bids that are appended as fresh ones too.</summary>
[Collection(PostgresCollection.Name)]
public sealed class FreshGuardTests : GuardTests
{
    public FreshGuardTests(PostgresServer postgres, LedgerDatabase db) : base(postgres, db) => db.AppendsFresh = true;
}
