using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using static Auctions.IntegrationTests.Ledger.LedgerDatabase;

namespace Auctions.IntegrationTests.Ledger;

/// <summary>
/// Each guard of the append carries weight: a bid that it alone keeps out is turned away, and gets in once the guard's line is taken out
/// of the statement.
/// </summary>
[Collection(PostgresCollection.Name)]
public class GuardTests(PostgresServer postgres, LedgerDatabase db) : IClassFixture<LedgerDatabase>
{
    private const long At = Start + Hour / 2;

    /// <summary>Bids forged from a head: what they took to be true differs in one thing.</summary>
    private static readonly Dictionary<string, Func<Guid, Head, DecidedBid>> Forgeries = new()
    {
        ["pred.id"] = (id, head) => Challenge(id, head) with { Prev = Guid.NewGuid() },
        ["pred.version"] = (id, head) => Challenge(id, head) with { Version = head.Version + 2 },
        ["before.status"] = (id, head) => Challenge(id, Given(head, s => s with { Status = AuctionStatus.Scheduled })),
        ["before.price"] = (id, head) => Challenge(id, Given(head, s => s with { Price = s.Price + 1 })),
        ["before.ceiling"] = (id, head) => Challenge(id, Given(head, s => s with { Ceiling = s.Ceiling - 1 })),
        ["before.leader"] = (id, head) => Challenge(id, Given(head, s => s with { Leader = "zed" })),
        ["before.end"] = (id, head) => Challenge(id, Given(head, s => s with { EndUs = s.EndUs + 1 })),
        ["before.extensions"] = (id, head) => Challenge(id, Given(head, s => s with { Extensions = 1 })),
        ["before.bid_count"] = (id, head) => Challenge(id, Given(head, s => s with { BidCount = 7 })),
        ["before.terms"] = (id, head) => Challenge(id, head with { Terms = VaseTerms with { Increment = new Increment.Fixed(1) } }),
        ["end"] = (id, head) => Challenge(id, head) with { DecidedUs = head.State.EndUs },
        ["after.status"] = (id, head) => Left(Challenge(id, head), s => s with { Status = AuctionStatus.Scheduled }),
        ["after.price"] = (id, head) => Left(Challenge(id, head), s => s with { Price = head.State.Price - 1 }),
        ["after.ceiling"] = (id, head) => Left(Challenge(id, head), s => s with { Price = head.State.Price + 1, Ceiling = head.State.Ceiling - 1 }),
        ["after.rises"] = (id, head) => Left(Challenge(id, head), s => s with { Price = head.State.Price, Ceiling = head.State.Ceiling }),
        ["after.bounds"] = (id, head) => Left(Challenge(id, head), s => s with { Ceiling = Currency.MaxAmount + 1 }),
        ["after.bid_count"] = (id, head) => Left(Challenge(id, head), s => s with { BidCount = head.State.BidCount }),
    };

    public static TheoryData<string> Guards => [.. Forgeries.Keys];

    public static TheoryData<string> GuardsOfRefusals => [.. Forgeries.Keys.Where(k => k.StartsWith("before.", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Guards))]
    public async Task A_bid_decided_on_something_else_is_kept_out_by_its_guard(string guard)
    {
        var (auction, head) = await OneBidAsync();
        var forged = Forgeries[guard](auction, head);

        Assert.NotEqual(AppendOutcome.Appended, await db.AppendOneAsync(forged));
        Assert.Equal(head, await db.HeadAsync(auction));
        Assert.Equal(AppendOutcome.Appended, await AppendWithoutAsync(guard, forged));
    }

    [Theory]
    [MemberData(nameof(Guards))]
    public async Task It_is_kept_out_behind_another_bid_of_its_batch_too(string guard)
    {
        var (auction, head) = await OneBidAsync();
        var first = Decide(auction, head, Proxy("cat", 40_00), At - 1);
        var forged = Forgeries[guard](auction, After(head, first));

        Assert.NotEqual(AppendOutcome.Appended, (await db.AppendAsync(first, forged))[1].Outcome);
        Assert.Equal(first.Id, (await db.HeadAsync(auction)).EntryId);

        var (other, otherHead) = await OneBidAsync();
        first = Decide(other, otherHead, Proxy("cat", 40_00), At - 1);
        forged = Forgeries[guard](other, After(otherHead, first));
        var without = With(db.Source, Without(guard));
        Assert.Equal(AppendOutcome.Appended, (await without.AppendAsync([first, forged], [], CancellationToken.None))[1].Outcome);
    }

    [Theory]
    [MemberData(nameof(GuardsOfRefusals))]
    public async Task A_refusal_decided_on_something_else_is_kept_out_by_its_guard(string guard)
    {
        var (auction, head) = await OneBidAsync();
        var forged = Refused(Forgeries[guard](auction, head));

        Assert.Equal(AppendOutcome.Conflict, await db.AppendOneAsync(forged));
        Assert.Null(await db.Ledger.FindAnswerAsync(auction, forged.Bid.Bidder, forged.Bid.Key, CancellationToken.None));
        Assert.Equal(AppendOutcome.Appended, await AppendWithoutAsync(guard, forged));
    }

    [Fact]
    public async Task A_refusal_that_rests_on_another_entry_is_kept_out()
    {
        var (auction, head) = await OneBidAsync();
        var forged = Decide(auction, head with { EntryId = Guid.NewGuid() }, Proxy("bob", 1), At);

        Assert.Equal(AppendOutcome.Conflict, await db.AppendOneAsync(forged));
        Assert.Equal(AppendOutcome.Appended, await AppendWithoutAsync("basis", forged));
    }

    [Fact]
    public async Task A_refusal_decided_after_what_followed_its_basis_is_kept_out()
    {
        var (auction, head) = await OneBidAsync();
        await db.AppendAsync(Decide(auction, head, Proxy("cat", 40_00), At));

        var same = Decide(auction, head, Proxy("bob", 1), At);
        Assert.Equal(AppendOutcome.Appended, await db.AppendOneAsync(same));

        var later = Decide(auction, head, Proxy("bob", 1), At + 1);
        Assert.Equal(AppendOutcome.Conflict, await db.AppendOneAsync(later));
        Assert.Equal(AppendOutcome.Appended, await AppendWithoutAsync("superseded", later));
    }

    [Fact]
    public async Task Nothing_follows_the_sealing_entry_even_where_Redis_knows_of_it()
    {
        var (auction, _) = await OneBidAsync();
        await db.SealAsync(auction, SealCause.Cancelled, At, "broken");
        var head = await db.HeadAsync(auction);
        var forged = Challenge(auction, Given(head, s => s with { Status = AuctionStatus.Active })) with { Before = head.State };

        Assert.Equal(AppendOutcome.Conflict, await db.AppendOneAsync(forged));
        Assert.Equal(AppendOutcome.Appended, await AppendWithoutAsync("over", forged));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_key_gets_one_answer_by_the_look_up_and_by_the_index_under_it(bool accepted)
    {
        var own = new LedgerDatabase(postgres);
        await own.InitializeAsync();
        var auction = await own.OpenAsync();
        var first = await own.DecideAsync(auction, Proxy("bob", accepted ? 30_00 : 1), At);
        await own.AppendAsync(first);
        var again = await own.DecideAsync(auction, first.Bid with { Max = accepted ? 60_00 : 2 }, At);
        var blind = With(own.Source, new LedgerStatements { AnswersToKeys = "select 1 where $1::uuid[] is null and $2::text[] is null and $3::uuid[] is null" });

        await Assert.ThrowsAsync<LedgerUnavailableException>(() => blind.AppendAsync([again], [], CancellationToken.None));
        Assert.Equal(AppendOutcome.Answered, (await own.Ledger.AppendAsync([again], [true], CancellationToken.None))[0].Outcome);

        await own.ByHandAsync("drop index ledger_answers");
        Assert.Equal(AppendOutcome.Answered, (await own.Ledger.AppendAsync([again], [], CancellationToken.None))[0].Outcome);
        Assert.Equal(AppendOutcome.Appended, (await blind.AppendAsync([again], [], CancellationToken.None))[0].Outcome);
        await own.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_key_twice_in_a_batch_gets_one_answer_and_nothing_rests_on_the_second(bool accepted)
    {
        var (auction, head) = await OneBidAsync();
        var first = Decide(auction, head, Proxy("bob", accepted ? 30_00 : 1), At);
        var second = Decide(auction, After(head, first), first.Bid with { Max = accepted ? 60_00 : 2 }, At);
        var third = Decide(auction, After(After(head, first), second), Proxy("cat", 90_00), At);

        Assert.Equal([AppendOutcome.Appended, AppendOutcome.Answered, accepted ? AppendOutcome.Conflict : AppendOutcome.Appended],
            (await db.AppendAsync(first, second, third)).Select(r => r.Outcome));
    }

    [Fact]
    public void Every_guard_of_the_statements_has_its_forgery()
    {
        string[] here = [.. Forgeries.Keys, "over", "basis", "superseded"];
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

    private static DecidedBid Challenge(Guid auction, Head head) => Decide(auction, head, Proxy("bob", 90_00), At);

    private static Head After(Head head, DecidedBid bid) => bid.Accepted ? head with { Version = bid.Version, EntryId = bid.Id, State = bid.After } : head;

    private static Head Given(Head head, Func<AuctionState, AuctionState> change) => head with { State = change(head.State) };

    private static DecidedBid Left(DecidedBid bid, Func<AuctionState, AuctionState> change) => bid with { After = change(bid.After) };

    /// <summary>The same basis and the same beliefs, for a bid that is refused.</summary>
    private static DecidedBid Refused(DecidedBid accepted) => accepted with
    {
        Version = accepted.Version - 1,
        Outcome = BidOutcome.Rejected,
        Reason = RejectionReason.TooLow,
        After = accepted.Before,
    };

    private async Task<AppendOutcome> AppendWithoutAsync(string guard, DecidedBid bid) =>
        (await With(db.Source, Without(guard)).AppendAsync([bid], [], CancellationToken.None))[0].Outcome;
}

/// <summary>The guards hold for bids that are called fresh too.</summary>
[Collection(PostgresCollection.Name)]
public sealed class FreshGuardTests : GuardTests
{
    public FreshGuardTests(PostgresServer postgres, LedgerDatabase db) : base(postgres, db) => db.AppendsFresh = true;
}
