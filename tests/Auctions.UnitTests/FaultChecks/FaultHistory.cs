using Auctions.Faults.Checking;
using Auctions.Faults.Evidence;
using Auctions.Grpc;

namespace Auctions.UnitTests.FaultChecks;

/// <summary>
/// What a fault run sees of one auction in a system that keeps its promises: it is opened, ann bids up to 20.00, a bid
/// of bob's is rejected, bob bids up to 30.00, and it is sealed. Each bid comes a second after the one before. Tests
/// break the history in one place.
/// </summary>
/// <remarks>With <c>bought</c>, a fourth bid buys the auction at second 4.</remarks>
internal sealed class FaultHistory
{
    public const long EpochUs = 1_800_000_000_000_000, SecondUs = 1_000_000, EndUs = EpochUs + 100 * SecondUs;

    public static readonly Guid Auction = new(1, 0, 0, new byte[8]);
    private static readonly Terms Vase =
        new("seller", "USD", 10_00, 0, 0, new Increment.Fixed(1_00), SoftClose.None, EpochUs);

    /// <summary>Buy-it-now stays on offer, as the reserve is not met.</summary>
    private static readonly Terms VaseOnOffer = Vase with { Reserve = 90_00, BuyNow = 90_00 };

    private readonly Terms _terms;

    public FaultHistory(bool bought = false)
    {
        _terms = bought ? VaseOnOffer : Vase;
        var opened = AuctionState.Opened(AuctionStatus.Active, EndUs);
        Ledger.Add(new LedgerRecord(Id(100), Guid.Empty, 0, null, EntryKind.Opened, null, default, default, opened,
            !bought, EpochUs, EpochUs, _terms, "", EndReason.None));
        Place("ann", 20_00, at: 1);
        Place("bob", 10_00, at: 2);
        Place("bob", 30_00, at: 3);
        if (bought) Place("carol", 0, at: 4);
        var state = Ledger[^1].After! with { Status = AuctionStatus.Ended };
        var (version, winner) = (Ledger[^1].Version!.Value + 1, bought ? "carol" : "bob");
        var reason = bought ? EndReason.BoughtNow : EndReason.Time;
        Ledger.Add(new LedgerRecord(Id(200), Ledger[^1].Id, version, null, EntryKind.Sealed, null, default, default,
            state, true, state.EndUs + 1_000, state.EndUs + 1_000, null, winner, reason));
        Row = new AuctionRow(Auction, version, Id(200), state, true, winner, reason, _terms);
        Calls.Add(new ObservedCall(Auction, "CreateAuction", 0, 1, 0));
        Hot = new HotStateCopy(new Dictionary<string, string>
        {
            ["version"] = $"{version}",
            ["head"] = $"{Id(200)}",
            ["terms"] = _terms.Line,
            ["status"] = "ended",
            ["price"] = $"{state.Price}",
            ["ceiling"] = $"{state.Ceiling}",
            ["leader"] = winner,
            ["end_us"] = $"{state.EndUs}",
            ["extensions"] = "0",
            ["bid_count"] = $"{state.BidCount}",
        }, []);
        foreach (var entry in Entries) Shown.Add(StateMap.State(_terms, entry.After!, entry.Version!.Value));
        Final = new V1.AuctionEnded { Final = Shown[^1], WinnerId = winner, EndReason = StateMap.EndReason(reason) };
        LedgerEvents.AddRange(Ledger.Select((r, i) => new ObservedEvent(i, r.Id, r.Version)));
    }

    public List<LedgerRecord> Ledger { get; } = [];
    public List<SentBid> Sent { get; } = [];
    public List<ObservedCall> Calls { get; } = [];
    public List<V1.AuctionState> Shown { get; } = [];
    public List<ObservedEvent> LedgerEvents { get; } = [];
    public List<Disturbance> Disturbances { get; } = [];
    /// <summary>The topic of auctions' rows; null: the same as the topic of the ledger, without rejections.</summary>
    public List<ObservedEvent>? AuctionEvents { get; set; }
    public bool KafkaIsComplete { get; set; } = true;
    public AuctionRow Row { get; set; }
    public HotStateCopy Hot { get; set; }
    public V1.AuctionEnded? Final { get; set; }
    public long CollectedUs { get; set; } = EndUs + 10 * SecondUs;

    public IEnumerable<LedgerRecord> Entries => Ledger.Where(r => r.Version is not null);

    public Findings Check()
    {
        var auctionEvents = AuctionEvents ?? [.. LedgerEvents.Where(e => e.Version is not null)];
        var viewer = new ViewerEvidence(Shown, [], Final);
        var auction =
            new AuctionEvidence(Auction, Row, Ledger, Sent, Calls, Hot, viewer, auctionEvents, LedgerEvents);
        var findings = new Findings();
        Checker.Check(auction, new RunEvidence(EpochUs, CollectedUs, Disturbances, KafkaIsComplete), findings);
        return findings;
    }

    /// <summary>Changes the ledger's entry of a version.</summary>
    public void Change(long version, Func<LedgerRecord, LedgerRecord> change)
    {
        var place = Ledger.FindIndex(r => r.Version == version);
        Ledger[place] = change(Ledger[place]);
    }

    /// <summary>Moves the first call of a bid to other times.</summary>
    public void Move(int bid, long beganUs, long endedUs)
    {
        var moved = new SentBid(Auction, Sent[bid].Bid);
        moved.Note(Sent[bid].Calls[0] with { BeganUs = beganUs, EndedUs = endedUs });
        Sent[bid] = moved;
    }

    /// <summary>Decides a bid on the ledger's last entry, records it and notes its answer.</summary>
    /// <param name="max">0 = buys it now.</param>
    private void Place(string bidder, long max, int at)
    {
        var last = Entries.Last();
        var bid = max == 0
            ? new Bid(bidder, Id(at), BidKind.BuyNow, "", 0, 0)
            : new Bid(bidder, Id(at), BidKind.Proxy, "USD", 0, max);
        var decidedUs = EpochUs + at * SecondUs + 500;
        var decision = Rules.Decide(_terms, last.After!, bid, decidedUs);
        var accepted = decision.Outcome != BidOutcome.Rejected;
        var version = last.Version!.Value + (accepted ? 1 : 0);
        Ledger.Add(new LedgerRecord(Id(100 + at), last.Id, accepted ? version : null, accepted ? null : version,
            EntryKind.Bid, bid, decision.Outcome, decision.Reason, accepted ? decision.After : null,
            Rules.ReserveMet(_terms, decision.After), decidedUs, decidedUs + 2_000, null, "", EndReason.None));
        var answer = new BidAnswer(decision.Outcome, decision.Reason, accepted ? Id(100 + at) : Guid.Empty, version,
            decision.After with { Ceiling = 0, Status = AuctionStatus.Active },
            Rules.ReserveMet(_terms, decision.After), decidedUs);
        var sent = new SentBid(Auction, bid);
        sent.Note(new BidCall(at * SecondUs, at * SecondUs + 1_000, 0, answer, ""));
        Sent.Add(sent);
    }

    private static Guid Id(int number) => new(number, 0, 0, new byte[8]);
}
