using System.Globalization;

namespace Auctions.Core;

/// <summary>A promise that the records of an auction break.</summary>
/// <param name="Invariant">
/// I1 one chain, I3 the end, I4 the winner, I5 the answers, I6 everything follows from the ledger, I11 the times.
/// </param>
/// <param name="Version">The version of the entry, or of the basis of a rejection.</param>
/// <param name="Field">The field that differs, such as <c>after.price</c>.</param>
public sealed record ChainViolation(
    Guid AuctionId, string Invariant, long Version, string Field, string Expected, string Actual)
{
    public override string ToString() =>
        $"{Invariant}: auction {AuctionId}, version {Version}, {Field}: expected {Expected}, found {Actual}";
}

/// <summary>The head of the chain as the auction's row stores it.</summary>
public sealed record ChainHead(Head Head, string Winner, EndReason EndReason);

/// <summary>
/// Checks the records of one auction against the rules: replays every bid on the entry before it, and every rejection
/// on its basis. The same entries must give the same states in every field. Pure, and independent of the ledger's
/// guards.
/// </summary>
public sealed class ChainAudit
{
    private readonly Guid _auctionId;
    private readonly List<ChainViolation> _violations = [];

    /// <summary>By version: each entry, and the terms that apply after it.</summary>
    private readonly List<(LedgerEntry Entry, Terms Terms)> _chain = [];

    private ChainAudit(Guid auctionId) => _auctionId = auctionId;

    /// <summary>Checks one auction.</summary>
    /// <param name="entries">In version order.</param>
    /// <param name="answers">All answers to bids, accepted and rejected, in any order.</param>
    /// <param name="row">Read at the same moment.</param>
    /// <returns>The violations; empty if there are none.</returns>
    public static IReadOnlyList<ChainViolation> Check(
        Guid auctionId, IEnumerable<LedgerEntry> entries, IEnumerable<DecidedBid> answers, ChainHead row)
    {
        var audit = new ChainAudit(auctionId);
        foreach (var entry in entries) audit.CheckEntry(entry);
        audit.CheckRow(row);
        audit.CheckAnswers(answers);
        return audit._violations;
    }

    /// <summary>I1, I3, I4: the entry follows from the one before it.</summary>
    private void CheckEntry(LedgerEntry entry)
    {
        var expectedVersion = _chain.Count;
        Expect("I1", entry.Version, "version", expectedVersion, entry.Version);
        if (expectedVersion == 0)
        {
            CheckOpening(entry);
            return;
        }

        var (before, terms) = _chain[^1];
        Expect("I1", entry.Version, "prev", before.Id, entry.Prev);
        if (before.Kind == EntryKind.Sealed)
            Report("I3", entry.Version, "kind", "nothing after the sealing entry", entry.Kind);
        if (before.Bid?.Kind == BidKind.BuyNow && entry.Kind != EntryKind.Sealed)
            Report("I3", entry.Version, "kind", "the sealing entry after a purchase", entry.Kind);
        CheckTime(entry, before);
        switch (entry.Kind)
        {
            case EntryKind.Bid when entry.Bid is { } bid:
                CheckBid(entry, bid, terms, before.After);
                break;
            case EntryKind.Started:
                ExpectState("I1", entry, before.After with { Status = AuctionStatus.Active });
                Expect("I1", entry.Version, "before.status", AuctionStatus.Scheduled, before.After.Status);
                break;
            case EntryKind.Amended:
                if (entry.Terms is null) Report("I1", entry.Version, "terms", "the terms from here on", "none");
                break;
            case EntryKind.Sealed:
                CheckSealing(entry, terms, before);
                break;
            default:
                Report("I1", entry.Version, "kind", "an entry that can follow", entry.Kind);
                break;
        }

        _chain.Add((entry, entry.Terms ?? terms));
    }

    /// <summary>I11: times never fall; a purchase, and what is not a bid, is later than the entry before.</summary>
    private void CheckTime(LedgerEntry entry, LedgerEntry before)
    {
        if (entry.RulesVersion == 1) return;
        var mayBeEqual = entry.Bid is { Kind: not BidKind.BuyNow };
        var earliestUs = mayBeEqual ? before.DecidedUs : before.DecidedUs + 1;
        if (entry.DecidedUs < earliestUs)
            Report("I11", entry.Version, "decided_us", $"at least {earliestUs}", entry.DecidedUs);
    }

    private void CheckOpening(LedgerEntry entry)
    {
        Expect("I1", 0, "kind", EntryKind.Opened, entry.Kind);
        Expect("I1", 0, "prev", Guid.Empty, entry.Prev);
        ExpectState("I1", entry, AuctionState.Opened(entry.After.Status, entry.After.EndUs));
        var terms = entry.Terms ?? throw new FormatException($"Auction {_auctionId}: the opening entry has no terms.");
        _chain.Add((entry, terms));
    }

    private void CheckBid(LedgerEntry entry, Bid bid, Terms terms, AuctionState before)
    {
        var (version, after) = (entry.Version, entry.After);
        if (entry.DecidedUs >= before.EndUs)
            Report("I3", version, "decided_us", $"before the end at {before.EndUs}", entry.DecidedUs);
        if (after.Price < before.Price)
            Report("I1", version, "after.price", $"at least {before.Price}", after.Price);
        if (after.Ceiling < before.Ceiling)
            Report("I1", version, "after.ceiling", $"at least {before.Ceiling}", after.Ceiling);
        if (after.Price <= before.Price && after.Ceiling <= before.Ceiling)
            Report("I1", version, "after", "a higher price or ceiling", "neither");

        var decision = Rules.Decide(terms, before, bid, entry.DecidedUs, entry.RulesVersion);
        Expect("I1", version, "outcome", decision.Outcome, entry.Outcome);
        if (decision.Outcome == BidOutcome.Rejected)
            Report("I1", version, "reason", "an acceptable bid", decision.Reason);
        else
            ExpectState("I1", entry, decision.After);
    }

    private void CheckSealing(LedgerEntry entry, Terms terms, LedgerEntry before)
    {
        var state = before.After;
        var bought = before.Bid?.Kind == BidKind.BuyNow;
        var cancelled = entry.After.Status == AuctionStatus.Cancelled;
        var due = state.Status == AuctionStatus.Bought || entry.DecidedUs >= state.EndUs;

        // Whether the end has come is a matter of the ledger's clock. The time of the entry is later than that clock
        // only if the entry before it was.
        var endedEarly = cancelled || entry.EndReason is EndReason.EndedBySeller or EndReason.EndedByService;
        if (entry.RulesVersion > 1 && state.IsOpen && endedEarly && entry.DecidedUs == before.DecidedUs + 1)
            due = false;
        ExpectState("I4", entry, state with
        {
            Status = cancelled && !due ? AuctionStatus.Cancelled : AuctionStatus.Ended,
            EndUs = endedEarly && !cancelled && !due ? entry.DecidedUs : state.EndUs,
        });
        CheckDeclaredEnd(entry);
        var reason = due ? bought ? EndReason.BoughtNow : EndReason.Time
            : cancelled ? EndReason.None
            : entry.EndReason == EndReason.EndedByService ? EndReason.EndedByService
            : EndReason.EndedBySeller;
        Expect("I4", entry.Version, "end_reason", reason, entry.EndReason);
        var unsoldForFault = entry.Winner.Length == 0 && !StoredValues.IsPossible(terms.SellerId, state);
        if (!unsoldForFault) Expect("I4", entry.Version, "winner", Rules.Winner(terms, entry.After), entry.Winner);
    }

    /// <summary>
    /// I3: what was accepted was decided before the declared end, a purchase at the end at the latest. An operator's
    /// change may move the end to before the bids that precede it.
    /// </summary>
    private void CheckDeclaredEnd(LedgerEntry sealing)
    {
        if (sealing.RulesVersion == 1) return;
        foreach (var (entry, _) in Enumerable.Reverse(_chain).TakeWhile(e => e.Entry.Kind != EntryKind.Amended))
        {
            if (entry.Bid is not { } bid) continue;
            var latestUs = bid.Kind == BidKind.BuyNow ? sealing.After.EndUs : sealing.After.EndUs - 1;
            if (entry.DecidedUs > latestUs)
                Report("I3", entry.Version, "decided_us", $"before the declared end, by {latestUs}", entry.DecidedUs);
        }
    }

    /// <summary>The auction's row stores what the last entry left.</summary>
    private void CheckRow(ChainHead row)
    {
        if (_chain.Count == 0)
        {
            Report("I1", row.Head.Version, "entries", "an opening entry", "none");
            return;
        }

        var (last, terms) = _chain[^1];
        Expect("I1", last.Version, "row.version", last.Version, row.Head.Version);
        Expect("I1", last.Version, "row.head", last.Id, row.Head.EntryId);
        Expect("I1", last.Version, "row.terms", terms.Line, row.Head.Terms.Line);
        Expect("I1", last.Version, "row.decided_us", last.DecidedUs, row.Head.DecidedUs);
        ExpectState("I1", last.Version, "row.", last.After, row.Head.State);
        Expect("I4", last.Version, "row.winner", last.Winner, row.Winner);
        Expect("I4", last.Version, "row.end_reason", last.EndReason, row.EndReason);
        if (last.Kind != EntryKind.Sealed && last.After.IsOver)
            Report("I4", last.Version, "kind", "a sealing entry", last.Kind);
    }

    /// <summary>I5: each key has one answer; each bid in the chain is an answer; each rejection was right.</summary>
    private void CheckAnswers(IEnumerable<DecidedBid> answers)
    {
        var keys = new HashSet<(string, Guid)>();
        var ids = new HashSet<Guid>();
        var accepted = 0;
        foreach (var answer in answers)
        {
            var (version, bid) = (answer.Version, answer.Bid);
            if (!keys.Add((bid.Bidder, bid.Key)))
                Report("I5", version, "key", "one answer", $"another answer to {bid.Bidder} {bid.Key}");
            if (!ids.Add(answer.Id)) Report("I5", version, "id", "one answer", $"another answer with {answer.Id}");
            if (answer.Accepted) accepted++;
            if (version < 0 || version >= _chain.Count) Report("I5", version, "version", "that of an entry", answer.Id);
            else if (answer.Accepted) CheckAcceptance(answer);
            else CheckRejection(answer);
        }

        var bids = _chain.Count(e => e.Entry.Kind == EntryKind.Bid);
        Expect("I5", _chain.Count - 1, "accepted answers", bids, accepted);
    }

    private void CheckAcceptance(DecidedBid answer)
    {
        var version = answer.Version;
        var entry = _chain[(int)version].Entry;
        Expect("I5", version, "id", entry.Id, answer.Id);
        Expect("I5", version, "bid", entry.Bid, answer.Bid);
        Expect("I5", version, "outcome", entry.Outcome, answer.Outcome);
        if (version > 0)
            Expect("I6", version, "terms_digest", _chain[(int)version - 1].Terms.Digest, answer.TermsDigest);
        ExpectState("I5", version, "answer.", entry.After, answer.After);
    }

    /// <summary>
    /// A rejection was right on its basis: the entry that was the head when the rejection was recorded, or one whose
    /// successor was decided later. Later entries may still carry an earlier decision time, because the clocks of two
    /// servers differ.
    /// </summary>
    private void CheckRejection(DecidedBid answer)
    {
        var (basis, terms) = _chain[(int)answer.Version];
        Expect("I5", answer.Version, "rejection.basis", basis.Id, answer.Prev);
        Expect("I6", answer.Version, "rejection.terms_digest", terms.Digest, answer.TermsDigest);
        if (answer.RulesVersion > 1 && answer.DecidedUs < basis.DecidedUs)
            Report("I11", basis.Version, $"rejection {answer.Id} decided_us", basis.DecidedUs, answer.DecidedUs);
        var decision = Rules.Decide(terms, basis.After, answer.Bid, answer.DecidedUs, answer.RulesVersion);
        Expect("I5", answer.Version, $"rejection {answer.Id} reason", decision.Reason, answer.Reason);
    }

    private void ExpectState(string invariant, LedgerEntry entry, AuctionState expected) =>
        ExpectState(invariant, entry.Version, "after.", expected, entry.After);

    private void ExpectState(
        string invariant, long version, string prefix, AuctionState expected, AuctionState actual)
    {
        if (expected == actual) return;
        Expect(invariant, version, prefix + "status", expected.Status, actual.Status);
        Expect(invariant, version, prefix + "price", expected.Price, actual.Price);
        Expect(invariant, version, prefix + "ceiling", expected.Ceiling, actual.Ceiling);
        Expect(invariant, version, prefix + "leader", expected.Leader, actual.Leader);
        Expect(invariant, version, prefix + "end_us", expected.EndUs, actual.EndUs);
        Expect(invariant, version, prefix + "extensions", expected.Extensions, actual.Extensions);
        Expect(invariant, version, prefix + "bid_count", expected.BidCount, actual.BidCount);
    }

    private void Expect<T>(string invariant, long version, string field, T expected, T actual)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual)) Report(invariant, version, field, expected, actual);
    }

    private void Report(string invariant, long version, string field, object? expected, object? actual) =>
        _violations.Add(new ChainViolation(_auctionId, invariant, version, field, Text(expected), Text(actual)));

    private static string Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
}
