using Auctions.Core;

namespace Auctions.Ctl.Verify;

/// <summary>Checks one auction by what was read of it at one moment. Pure.</summary>
public static class AuctionCheck
{
    /// <summary>Promise I9.</summary>
    private const long LatestSealUs = 1_000_000;

    public static IEnumerable<Violation> Of(LedgerHead row, AuctionRecords records)
    {
        var id = row.Id.ToString();
        foreach (var (invariant, version, detail) in records.Faults) yield return new Violation(invariant, id, version, detail);
        if (!row.TermsOfColumns) yield return new Violation("I6", id, row.Version, "the row's terms line is not what its columns say");
        if (Terms.DigestOf(row.TermsLine) != row.TermsDigest)
            yield return new Violation("I6", id, row.Version, $"the row's terms_digest is {row.TermsDigest}, that of its terms {Terms.DigestOf(row.TermsLine)}");
        if (!row.IsOver && row.NowUs - row.EndUs > LatestSealUs)
            yield return new Violation("I9", id, row.Version, $"it should have been sealed {(row.NowUs - row.EndUs) / 1_000_000.0:0.0} s ago");
        foreach (var violation in Chain(row, records)) yield return violation;
    }

    private static IEnumerable<Violation> Chain(LedgerHead row, AuctionRecords records)
    {
        try
        {
            var terms = Terms.Parse(row.TermsLine);
            var state = new AuctionState(EnumText.Parse<AuctionStatus>(row.Status), row.Price, row.Ceiling, row.Leader, row.EndUs, row.Extensions, row.BidCount);
            var head = new ChainHead(new Head(row.Version, row.Head, terms, state), row.Winner, EnumText.Parse<EndReason>(row.EndReason));
            IEnumerable<Violation> broken = Rules.ReserveMet(terms, state) == row.ReserveMet
                ? []
                : [new Violation("I1", row.Id.ToString(), row.Version, $"the row's reserve_met is {row.ReserveMet} at price {row.Price}, and the reserve {terms.Reserve}")];
            return broken.Concat(ChainAudit.Check(row.Id, records.Entries, records.Answers, head)
                .Select(v => new Violation(v.Invariant, row.Id.ToString(), v.Version, $"{v.Field}: expected {v.Expected}, found {v.Actual}")));
        }
        catch (FormatException e)
        {
            return [new Violation("I1", row.Id.ToString(), row.Version, $"the row cannot be read: {e.Message}")];
        }
    }
}
