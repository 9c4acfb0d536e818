using Auctions.Core;
using Auctions.Ledger;

namespace Auctions.Ctl.Verify;

/// <summary>Checks one auction from its row and its records, which were read at one moment. Pure.</summary>
public sealed class AuctionCheck
{
    /// <summary>I9: an auction is sealed within a second of its effective end.</summary>
    private const long SealLatenessUsMax = 1_000_000;

    /// <summary>I11: the ledger takes no bid that is decided further ahead of its clock.</summary>
    private const long AheadUsMax = 1_000_000;

    // The audit needs no state before an answer, and takes that of a rejected bid from its basis.
    private static readonly AuctionState NoState = AuctionState.Opened(AuctionStatus.Active, 0);

    private readonly AuctionRow _row;
    private readonly List<Violation> _violations = [];
    private readonly List<LedgerEntry> _entries = [];
    private readonly List<DecidedBid> _answers = [];
    private Terms? _terms;

    private AuctionCheck(AuctionRow row) => _row = row;

    /// <returns>The violations; empty if there are none.</returns>
    public static IReadOnlyList<Violation> Of(StoredAuction auction)
    {
        var check = new AuctionCheck(auction.Row);
        foreach (var record in auction.Records) check.CheckRecord(record);
        check.CheckRow(auction);
        check.CheckChain();
        return check._violations;
    }

    /// <summary>Checks a record in itself, and keeps it for the audit.</summary>
    private void CheckRecord(LedgerRow record)
    {
        CheckRecordedTime(record);
        try
        {
            if (record.Version is null)
            {
                _answers.Add(record.Answer(NoState, NoState));
                return;
            }

            var entry = record.Entry();
            _terms = entry.Terms ?? _terms;
            if (_terms is not null)
            {
                if (_terms.Digest != record.TermsDigest)
                {
                    Report("I6", entry.Version,
                        $"terms_digest is {record.TermsDigest}, the digest of the terms in force is {_terms.Digest}");
                }

                CheckReserveMet(entry.Version, record.ReserveMet, entry.After, _terms);
            }

            _entries.Add(entry);
            if (entry.Kind == EntryKind.Bid) _answers.Add(record.Answer(NoState, entry.After));
        }
        catch (FormatException e)
        {
            Report("I1", record.Version, $"the record {record.Id} cannot be parsed: {e.Message}");
        }
    }

    /// <summary>A bid is decided before the transaction that records it begins. Clocks differ by a little.</summary>
    private void CheckRecordedTime(LedgerRow record)
    {
        if (record.RulesVersion == 1 || record.BidKind is null) return;
        var aheadUs = record.DecidedUs - record.RecordedUs;
        if (aheadUs <= AheadUsMax) return;
        Report("I11", record.Version ?? record.Basis,
            $"the record {record.Id} was recorded {aheadUs / 1_000_000.0:0.0} s before it was decided");
    }

    private void CheckRow(StoredAuction auction)
    {
        var (head, state) = (_row.Stored, _row.Stored.State);
        if (!auction.TermsMatchColumns)
            Report("I6", head.Version, "the row's terms line does not match its columns");
        if (Terms.DigestOf(head.TermsLine) is var digest && digest != head.TermsDigest)
        {
            Report("I6", head.Version,
                $"the row's terms_digest is {head.TermsDigest}, the digest of its terms is {digest}");
        }

        if (state.Status is not ("ended" or "cancelled")
            && auction.NowUs - state.EndUs is var lateUs and > SealLatenessUsMax)
            Report("I9", head.Version, $"its end was {lateUs / 1_000_000.0:0.0} s ago");
    }

    private void CheckChain()
    {
        try
        {
            var head = new ChainHead(_row.Head, _row.Winner, _row.EndReason);
            CheckReserveMet(head.Head.Version, _row.ReserveMet, head.Head.State, head.Head.Terms);
            if (!StoredValues.IsPossible(head.Head.Terms.SellerId, head.Head.State))
                Report("I1", head.Head.Version, $"no bids can leave the row's state: {head.Head.State}");
            foreach (var v in ChainAudit.Check(_row.Id, _entries, _answers, head))
                Report(v.Invariant, v.Version, $"{v.Field}: expected {v.Expected}, found {v.Actual}");
        }
        catch (FormatException e)
        {
            Report("I1", _row.Stored.Version, $"the row cannot be parsed: {e.Message}");
        }
    }

    private void CheckReserveMet(long version, bool? found, AuctionState state, Terms terms)
    {
        if (Rules.ReserveMet(terms, state) != found)
            Report("I1", version, $"reserve_met is {found}, the price {state.Price}, the reserve {terms.Reserve}");
    }

    private void Report(string invariant, long? version, string detail) =>
        _violations.Add(new Violation(invariant, _row.Id.ToString(), version, detail));
}
