using System.Globalization;

namespace Auctions.Core;

/// <summary>A promise that an auction's records do not keep.</summary>
/// <param name="Invariant">I1 one chain, I3 the end, I4 the winner, I5 the answers, I6 what follows from the ledger.</param>
/// <param name="Version">The entry's, or the refusal's basis'.</param>
/// <param name="Field">What differs, such as <c>after.price</c>.</param>
public sealed record ChainViolation(Guid AuctionId, string Invariant, long Version, string Field, string Expected, string Actual)
{
    public override string ToString() =>
        $"{Invariant}: auction {AuctionId}, version {Version}, {Field}: expected {Expected}, found {Actual}";
}

/// <summary>What the auction's row says of its chain.</summary>
public sealed record ChainHead(Head Head, string Winner, EndReason EndReason);

/// <summary>
/// Holds the records of one auction against the rules: replays every bid on the entry before it, and every refusal on its basis. The
/// same entries must give the same states, to the last field. Pure; knows nothing of how the ledger guards itself.
/// </summary>
public sealed class ChainAudit
{
    private readonly Guid _auctionId;
    private readonly List<ChainViolation> _violations = [];

    /// <summary>By version: each entry, and the terms in force after it.</summary>
    private readonly List<(LedgerEntry Entry, Terms Terms)> _chain = [];

    private ChainAudit(Guid auctionId) => _auctionId = auctionId;

    /// <summary>Checks one auction.</summary>
    /// <param name="entries">In version order.</param>
    /// <param name="answers">All answers to bids, accepted and refused, in any order.</param>
    /// <param name="row">As of the same moment.</param>
    /// <returns>What is wrong; nothing where all is well.</returns>
    public static IReadOnlyList<ChainViolation> Check(
        Guid auctionId, IEnumerable<LedgerEntry> entries, IEnumerable<DecidedBid> answers, ChainHead row)
    {
        var audit = new ChainAudit(auctionId);
        foreach (var entry in entries) audit.Follow(entry);
        audit.CompareHead(row);
        audit.CompareAnswers(answers);
        return audit._violations;
    }

    /// <summary>I1, I3, I4: the entry follows from the one before it.</summary>
    private void Follow(LedgerEntry entry)
    {
        var expectedVersion = _chain.Count;
        Expect("I1", entry.Version, "version", expectedVersion, entry.Version);
        if (expectedVersion == 0)
        {
            Open(entry);
            return;
        }

        var (before, terms) = _chain[^1];
        Expect("I1", entry.Version, "prev", before.Id, entry.Prev);
        if (before.Kind == EntryKind.Sealed) Report("I3", entry.Version, "kind", "nothing after the sealing entry", entry.Kind);
        switch (entry.Kind)
        {
            case EntryKind.Bid when entry.Bid is { } bid:
                FollowBid(entry, bid, terms, before.After);
                break;
            case EntryKind.Started:
                ExpectState("I1", entry, before.After with { Status = AuctionStatus.Active });
                Expect("I1", entry.Version, "before.status", AuctionStatus.Scheduled, before.After.Status);
                break;
            case EntryKind.Amended:
                if (entry.Terms is null) Report("I1", entry.Version, "terms", "the terms from here on", "none");
                break;
            case EntryKind.Sealed:
                FollowSealing(entry, terms, before);
                break;
            default:
                Report("I1", entry.Version, "kind", "an entry that can follow", entry.Kind);
                break;
        }

        _chain.Add((entry, entry.Terms ?? terms));
    }

    private void Open(LedgerEntry entry)
    {
        Expect("I1", 0, "kind", EntryKind.Opened, entry.Kind);
        Expect("I1", 0, "prev", Guid.Empty, entry.Prev);
        ExpectState("I1", entry, AuctionState.Opened(entry.After.Status, entry.After.EndUs));
        _chain.Add((entry, entry.Terms ?? throw new FormatException($"Auction {_auctionId}: its first entry names no terms.")));
    }

    private void FollowBid(LedgerEntry entry, Bid bid, Terms terms, AuctionState before)
    {
        if (entry.DecidedUs >= before.EndUs) Report("I3", entry.Version, "decided_us", $"before the end at {before.EndUs}", entry.DecidedUs);
        if (entry.After.Price < before.Price) Report("I1", entry.Version, "after.price", $"at least {before.Price}", entry.After.Price);
        if (entry.After.Ceiling < before.Ceiling) Report("I1", entry.Version, "after.ceiling", $"at least {before.Ceiling}", entry.After.Ceiling);
        if (entry.After.Price <= before.Price && entry.After.Ceiling <= before.Ceiling)
            Report("I1", entry.Version, "after", "a higher price or ceiling", "neither");

        var decision = Rules.Decide(terms, before, bid, entry.DecidedUs);
        Expect("I1", entry.Version, "outcome", decision.Outcome, entry.Outcome);
        if (decision.Outcome == BidOutcome.Rejected) Report("I1", entry.Version, "reason", "an acceptable bid", decision.Reason);
        else ExpectState("I1", entry, decision.After);
    }

    private void FollowSealing(LedgerEntry entry, Terms terms, LedgerEntry before)
    {
        var state = before.After;
        var due = entry.DecidedUs >= state.EndUs;
        var bought = before.Bid?.Kind == BidKind.BuyNow;
        var cancelled = entry.After.Status == AuctionStatus.Cancelled;
        ExpectState("I4", entry, state with
        {
            Status = cancelled && !due ? AuctionStatus.Cancelled : AuctionStatus.Ended,
            EndUs = entry.EndReason == EndReason.EndedBySeller && !due ? entry.DecidedUs : state.EndUs,
        });
        var reason = due ? bought ? EndReason.BoughtNow : EndReason.Time
            : cancelled ? EndReason.None
            : EndReason.EndedBySeller;
        Expect("I4", entry.Version, "end_reason", reason, entry.EndReason);
        Expect("I4", entry.Version, "winner", Rules.Winner(terms, entry.After), entry.Winner);
    }

    /// <summary>The row's head is the last entry, and what follows from it.</summary>
    private void CompareHead(ChainHead row)
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
        CompareStates("I1", last.Version, "row.", last.After, row.Head.State);
        Expect("I4", last.Version, "row.winner", last.Winner, row.Winner);
        Expect("I4", last.Version, "row.end_reason", last.EndReason, row.EndReason);
        if (last.Kind != EntryKind.Sealed && last.After.IsOver) Report("I4", last.Version, "kind", "a sealing entry", last.Kind);
    }

    /// <summary>I5: one answer a key; every entry of a bid is one; a refusal was right on its basis.</summary>
    private void CompareAnswers(IEnumerable<DecidedBid> answers)
    {
        var keys = new HashSet<(string, Guid)>();
        var ids = new HashSet<Guid>();
        var accepted = 0;
        foreach (var answer in answers)
        {
            if (!keys.Add((answer.Bid.Bidder, answer.Bid.Key)))
                Report("I5", answer.Version, "key", "one answer", $"another one to {answer.Bid.Bidder} {answer.Bid.Key}");
            if (!ids.Add(answer.Id)) Report("I5", answer.Version, "id", "one answer", $"another one with {answer.Id}");
            if (answer.Accepted) accepted++;
            if (answer.Version < 0 || answer.Version >= _chain.Count) Report("I5", answer.Version, "version", "an entry's", answer.Id);
            else if (answer.Accepted) CompareEntry(answer);
            else FollowRefusal(answer);
        }

        var bids = _chain.Count(e => e.Entry.Kind == EntryKind.Bid);
        Expect("I5", _chain.Count - 1, "accepted answers", bids, accepted);
    }

    private void CompareEntry(DecidedBid answer)
    {
        var entry = _chain[(int)answer.Version].Entry;
        Expect("I5", answer.Version, "id", entry.Id, answer.Id);
        Expect("I5", answer.Version, "bid", entry.Bid, answer.Bid);
        Expect("I5", answer.Version, "outcome", entry.Outcome, answer.Outcome);
        if (answer.Version > 0)
            Expect("I6", answer.Version, "terms_digest", _chain[(int)answer.Version - 1].Terms.Digest, answer.TermsDigest);
        CompareStates("I5", answer.Version, "answer.", entry.After, answer.After);
    }

    /// <summary>
    /// Right on its basis, which was the head when the refusal was recorded, or was followed by what was decided later. Entries that came after
    /// it may still say that they were decided before it: two servers' clocks differ.
    /// </summary>
    private void FollowRefusal(DecidedBid answer)
    {
        var (basis, terms) = _chain[(int)answer.Version];
        Expect("I5", answer.Version, "refusal.basis", basis.Id, answer.Prev);
        Expect("I6", answer.Version, "refusal.terms_digest", terms.Digest, answer.TermsDigest);
        var decision = Rules.Decide(terms, basis.After, answer.Bid, answer.DecidedUs);
        Expect("I5", answer.Version, $"refusal {answer.Id} reason", decision.Reason, answer.Reason);
    }

    private void ExpectState(string invariant, LedgerEntry entry, AuctionState expected) =>
        CompareStates(invariant, entry.Version, "after.", expected, entry.After);

    private void CompareStates(string invariant, long version, string prefix, AuctionState expected, AuctionState actual)
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
