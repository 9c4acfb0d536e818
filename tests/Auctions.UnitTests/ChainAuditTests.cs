namespace Auctions.UnitTests;

/// <summary>
/// A correct record of an auction. Each test changes one thing in it and checks what the audit reports.
/// </summary>
public sealed class ChainAuditTests
{
    private const long Start = 1_800_000_000_000_000;
    private const long End = Start + 3_600_000_000;
    private const long At = Start + 60_000_000;

    private static readonly Guid Auction = Guid.Parse("a0000000-0000-0000-0000-000000000000");
    private static readonly Terms Vase =
        new("seller", "USD", 1_00, 0, 0, new Increment.Fixed(1_00), SoftClose.None, Start);

    private readonly List<LedgerEntry> _entries = [];
    private readonly List<DecidedBid> _answers = [];
    private Head _head;
    private ChainHead? _row;

    /// <summary>
    /// Opened, started, ann up to 10, bob up to 20, a rejected bid of eve, amended, cat up to 30, sealed.
    /// </summary>
    public ChainAuditTests()
    {
        var opened = AuctionState.Opened(AuctionStatus.Scheduled, End);
        _head = new Head(0, Id(0), Vase, opened, Start - 1);
        _entries.Add(new LedgerEntry(
            0, Id(0), Guid.Empty, EntryKind.Opened, null, default, opened, Start - 1, Vase, "", EndReason.None));
        Add(EntryKind.Started, opened with { Status = AuctionStatus.Active }, Start);
        Place("ann", 10_00);
        Place("bob", 20_00);
        Place("eve", 1_00);
        Add(EntryKind.Amended, _head.State with { EndUs = End + 1 }, At + 10, Vase with { Reserve = 15_00 });
        Place("cat", 30_00);
        Add(EntryKind.Sealed, _head.State with { Status = AuctionStatus.Ended }, End + 1, null, "cat", EndReason.Time);
    }

    [Fact]
    public void A_correct_record_has_no_violations() => Assert.Empty(Check());

    [Theory]
    [InlineData(2, "prev")]
    [InlineData(2, "version")]
    [InlineData(2, "outcome")]
    [InlineData(3, "after.price")]
    [InlineData(3, "after.ceiling")]
    [InlineData(3, "after.leader")]
    [InlineData(3, "after.end_us")]
    [InlineData(3, "after.extensions")]
    [InlineData(3, "after.bid_count")]
    [InlineData(3, "after.status")]
    [InlineData(1, "after.price")]
    [InlineData(0, "after.price")]
    public void A_changed_field_of_an_entry_is_reported_with_its_version(int version, string field)
    {
        var entry = _entries[version];
        var after = entry.After;
        _entries[version] = field switch
        {
            "prev" => entry with { Prev = Id(99) },
            "version" => entry with { Version = 7 },
            "outcome" => entry with { Outcome = BidOutcome.Outbid },
            "after.price" => entry with { After = after with { Price = after.Price + 1 } },
            "after.ceiling" => entry with { After = after with { Ceiling = after.Ceiling + 1 } },
            "after.leader" => entry with { After = after with { Leader = "zed" } },
            "after.end_us" => entry with { After = after with { EndUs = after.EndUs + 1 } },
            "after.extensions" => entry with { After = after with { Extensions = 1 } },
            "after.bid_count" => entry with { After = after with { BidCount = 9 } },
            _ => entry with { After = after with { Status = AuctionStatus.Scheduled } },
        };

        Expect(field == "version" ? 7 : version, field);
    }

    [Fact]
    public void A_missing_entry_is_reported_as_a_gap()
    {
        _entries.RemoveAt(3);
        var gap = Assert.Single(Check(), v => v.Field == "version" && v.Version == 4);
        Assert.Equal(("I1", "3", "4"), (gap.Invariant, gap.Expected, gap.Actual));
    }

    [Fact]
    public void A_falling_price_is_reported()
    {
        _entries[3] = _entries[3] with { After = _entries[2].After with { Price = 50, Ceiling = 50 } };
        Expect(3, "after.price");
        Expect(3, "after.ceiling");
        Expect(3, "after");
    }

    [Fact]
    public void A_bid_at_the_end_is_too_late()
    {
        _entries[3] = _entries[3] with { DecidedUs = End };
        Assert.Contains(Check(), v => v is { Invariant: "I3", Version: 3, Field: "decided_us" });
        Expect(3, "reason");
    }

    [Fact]
    public void Nothing_follows_the_sealing_entry()
    {
        Add(EntryKind.Amended, _head.State, End + 2, Vase);
        Assert.Contains(Check(), v => v is { Invariant: "I3", Version: 7, Field: "kind" });
    }

    [Theory]
    [InlineData("bob", EndReason.Time, End + 1, "winner")]
    [InlineData("", EndReason.Time, End + 1, "winner")]
    [InlineData("cat", EndReason.BoughtNow, End + 1, "end_reason")]
    [InlineData("cat", EndReason.Time, End, "end_reason")]
    public void A_wrong_winner_or_end_reason_is_reported(string winner, EndReason reason, long decidedUs, string field)
    {
        _entries[^1] = _entries[^1] with { Winner = winner, EndReason = reason, DecidedUs = decidedUs };
        Assert.Contains(Check(), v => v.Invariant == "I4" && v.Version == 6 && v.Field == field);
    }

    [Fact]
    public void A_finished_auction_has_a_sealing_entry()
    {
        _entries[^1] = _entries[^1] with
        {
            Kind = EntryKind.Amended,
            Terms = Vase,
            Winner = "",
            EndReason = EndReason.None,
        };
        Expect(6, "kind");
    }

    [Theory]
    [InlineData("row.version")]
    [InlineData("row.head")]
    [InlineData("row.terms")]
    [InlineData("row.price")]
    [InlineData("row.winner")]
    [InlineData("row.end_reason")]
    public void A_row_that_differs_from_the_last_entry_is_reported(string field)
    {
        var head = _head;
        _row = field switch
        {
            "row.version" => Row(head with { Version = 5 }),
            "row.head" => Row(head with { EntryId = Id(99) }),
            "row.terms" => Row(head with { Terms = Vase }),
            "row.price" => Row(head with { State = head.State with { Price = 1 } }),
            "row.winner" => Row(head) with { Winner = "bob" },
            _ => Row(head) with { EndReason = EndReason.None },
        };
        Expect(6, field);
    }

    [Fact]
    public void A_key_has_one_answer()
    {
        _answers.Add(_answers[^1]);
        Expect(5, "key");
        Expect(5, "id");
    }

    [Fact]
    public void Every_bid_in_the_chain_is_an_answer()
    {
        _answers.RemoveAt(0);
        Expect(6, "accepted answers");
    }

    [Theory]
    [InlineData("id")]
    [InlineData("bid")]
    [InlineData("answer.price")]
    [InlineData("terms_digest")]
    public void An_acceptance_matches_its_entry(string field)
    {
        var bid = _answers[0];
        _answers[0] = field switch
        {
            "id" => bid with { Id = Id(99) },
            "bid" => bid with { Bid = bid.Bid with { Max = 1 } },
            "answer.price" => bid with { After = bid.After with { Price = 7 } },
            _ => bid with { TermsDigest = "0" },
        };
        Expect(2, field);
    }

    [Fact]
    public void A_rejection_is_right_on_its_basis()
    {
        var rejection = _answers.FindIndex(a => !a.Accepted);
        var answer = _answers[rejection];

        _answers[rejection] = answer with { Bid = answer.Bid with { Max = 90_00 } };
        Expect(3, $"rejection {answer.Id} reason");
        _answers[rejection] = answer with { Prev = Id(99) };
        Expect(3, "rejection.basis");
        _answers[rejection] = answer with { TermsDigest = "0" };
        Expect(3, "rejection.terms_digest");
        _answers[rejection] = answer with { Version = 40 };
        Expect(40, "version");
    }

    [Theory]
    [InlineData(3, -1)] // a bid
    [InlineData(4, 0)]  // terms
    [InlineData(6, 0)]  // the sealing
    public void A_decision_time_that_falls_is_reported_unless_the_entry_is_older_than_the_rule(int version, int laterUs)
    {
        var before = _entries[version - 1].DecidedUs;
        _entries[version] = _entries[version] with { DecidedUs = before + laterUs };
        Assert.Contains(Check(), v => v is { Invariant: "I11", Field: "decided_us" } && v.Version == version);

        _entries[version] = _entries[version] with { RulesVersion = 1 };
        Assert.DoesNotContain(Check(), v => v.Invariant == "I11");
    }

    [Fact]
    public void A_rejection_before_its_basis_is_reported_unless_it_is_from_before_the_rule()
    {
        var rejection = _answers.FindIndex(a => !a.Accepted);
        _answers[rejection] = _answers[rejection] with { DecidedUs = At - 1 };
        Assert.Contains(Check(), v => v is { Invariant: "I11", Version: 3 });
        _answers[rejection] = _answers[rejection] with { RulesVersion = 1 };
        Assert.DoesNotContain(Check(), v => v.Invariant == "I11");
    }

    [Fact]
    public void Only_the_sealing_follows_a_purchase_and_a_purchase_of_before_the_status_is_checked_by_its_own_rules()
    {
        _entries.RemoveRange(1, _entries.Count - 1);
        _answers.Clear();
        var opened = _entries[0] with { Terms = Vase with { BuyNow = 50_00 } };
        _entries[0] = opened;
        _head = new Head(0, Id(0), opened.Terms!, opened.After, opened.DecidedUs);
        var purchase = Place("ann", BidKind.BuyNow, 0);
        Assert.Equal(AuctionStatus.Bought, purchase.After.Status);
        Add(EntryKind.Sealed, purchase.After with { Status = AuctionStatus.Ended }, At + 1, null, "ann",
            EndReason.BoughtNow);
        Assert.Empty(Check());

        // Taken back, or overbid.
        var sealing = _entries[^1];
        _entries[^1] = sealing with
        {
            After = sealing.After with { Status = AuctionStatus.Cancelled },
            Winner = "",
            EndReason = EndReason.None,
        };
        Assert.Contains(Check(), v => v is { Invariant: "I4", Version: 2, Field: "end_reason" });
        _entries[^1] = sealing with { Kind = EntryKind.Amended, Terms = opened.Terms };
        Assert.Contains(Check(), v => v is { Invariant: "I3", Version: 2, Field: "kind" });

        // A purchase that leaves the auction active is one of the first version of the rules.
        _entries[^1] = sealing;
        var active = _entries[1].After with { Status = AuctionStatus.Active };
        _entries[1] = _entries[1] with { After = active };
        _answers[0] = _answers[0] with { After = active };
        Assert.Contains(Check(), v => v is { Invariant: "I1", Version: 1, Field: "after.status" });
        _entries[1] = _entries[1] with { RulesVersion = 1 };
        Assert.Empty(Check());
    }

    [Fact]
    public void An_early_end_may_come_at_the_end_if_the_last_bid_was_decided_just_before_it()
    {
        _entries.RemoveAt(_entries.Count - 1);
        _entries[^1] = _entries[^1] with { DecidedUs = End };
        _answers[^1] = _answers[^1] with { DecidedUs = End };
        var last = _entries[^1].After;
        _head = new Head(5, _entries[^1].Id, _head.Terms, last, End);
        Add(EntryKind.Sealed, last with { Status = AuctionStatus.Cancelled }, End + 1);
        Assert.Empty(Check());
        _entries[^1] = _entries[^1] with { DecidedUs = End + 2 };
        Assert.Contains(Check(), v => v is { Invariant: "I4", Version: 6, Field: "after.status" });
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-2_700)]
    public void A_bid_after_the_declared_end_is_reported_unless_the_sealing_is_older_than_the_rule(int endsAfterUs)
    {
        var (bid, sealing) = (_entries[^2], _entries[^1]);
        _entries[^1] = sealing with
        {
            After = sealing.After with { EndUs = bid.DecidedUs + endsAfterUs },
            EndReason = EndReason.EndedBySeller,
        };
        Assert.Contains(Check(), v => v is { Invariant: "I3", Version: 5, Field: "decided_us" });
        _entries[^1] = _entries[^1] with { RulesVersion = 1 };
        Assert.DoesNotContain(Check(), v => v.Invariant == "I3");
    }

    [Fact]
    public void A_record_without_entries_is_reported()
    {
        _entries.Clear();
        Assert.Contains(Check(), v => v is { Invariant: "I1", Field: "entries" });
    }

    private DecidedBid Place(string bidder, long max) => Place(bidder, BidKind.Proxy, max);

    private DecidedBid Place(string bidder, BidKind kind, long max)
    {
        var bid = new Bid(bidder, Id(_answers.Count + 50), kind, kind == BidKind.BuyNow ? "" : "USD", 0, max);
        var decided = DecidedBid.Decide(Auction, _head, Id(_answers.Count + 10), bid, At);
        _answers.Add(decided);
        if (!decided.Accepted) return decided;
        _entries.Add(new LedgerEntry(decided.Version, decided.Id, decided.Prev, EntryKind.Bid, bid, decided.Outcome,
            decided.After, decided.DecidedUs, null, "", EndReason.None));
        _head = _head.After(decided);
        return decided;
    }

    private void Add(EntryKind kind, AuctionState after, long decidedUs, Terms? terms = null, string winner = "",
        EndReason reason = EndReason.None)
    {
        var version = _head.Version + 1;
        _entries.Add(new LedgerEntry(version, Id((int)version), _head.EntryId, kind, null, default, after, decidedUs,
            terms, winner, reason));
        _head = new Head(version, Id((int)version), terms ?? _head.Terms, after, decidedUs);
    }

    private ChainHead Row(Head head) =>
        new(head, _entries.LastOrDefault()?.Winner ?? "", _entries.LastOrDefault()?.EndReason ?? EndReason.None);

    private IReadOnlyList<ChainViolation> Check() => ChainAudit.Check(Auction, _entries, _answers, _row ?? Row(_head));

    private void Expect(long version, string field) =>
        Assert.Contains(Check(), v => v.Version == version && v.Field == field && v.Expected != v.Actual);

    private static Guid Id(int n) => new(n, 0, 0, new byte[8]);
}
