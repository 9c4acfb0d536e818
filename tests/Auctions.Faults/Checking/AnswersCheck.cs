using Auctions.Core;
using Auctions.Faults.Evidence;

namespace Auctions.Faults.Checking;

/// <summary>
/// I2 and I5: what bidders were told is what the ledger holds, every call with a key was told the same, nothing is in the
/// ledger that nobody sent, and no outcome is left unknown.
/// </summary>
internal static class AnswersCheck
{
    public static void Check(AuctionEvidence auction, Findings found)
    {
        var recorded = auction.Ledger.Where(r => r.Bid is not null).GroupBy(r => (r.Bid!.Bidder, r.Bid.Key)).ToDictionary(g => g.Key, g => g.First());
        var states = auction.Ledger.Where(r => r.Version is not null).GroupBy(r => r.Version!.Value).ToDictionary(g => g.Key, g => g.First());
        var sent = new HashSet<(string, Guid)>();
        foreach (var bid in auction.Sent)
        {
            var key = (bid.Bid.Bidder, bid.Bid.Key);
            sent.Add(key);
            var record = recorded.GetValueOrDefault(key);
            if (record is { Bid: { } held } && !held.SameContent(bid.Bid)) NotAsSent(auction.Id, bid, record, found);
            if (bid.Answer is not { } answer)
            {
                found.Report("I5", auction.Id, record?.Version, $"{Name(bid)}: its outcome is still unknown after {bid.Calls.Count} calls; the last ended with {bid.Calls.LastOrDefault()?.Error}");
                continue;
            }

            Same(auction.Id, bid, answer, found);
            if (record is null) found.ReportLost(auction.Id, answer.Version, $"{Name(bid)} was told {Text(answer)}, and the ledger knows nothing of it");
            else Held(auction.Id, bid, answer, record, states, found);
        }

        foreach (var (key, record) in recorded)
        {
            if (sent.Contains(key)) continue;
            var what = $"{record.Bid!.Kind} of {key.Bidder} under {key.Key}, which nobody sent";
            if (record.Version is null) found.Report("I5", auction.Id, record.Basis, "a refused " + what);
            else found.ReportPhantom(auction.Id, record.Version, what);
        }
    }

    private static void NotAsSent(Guid id, SentBid bid, LedgerRecord record, Findings found)
    {
        var what = $"{Name(bid)} was sent as {bid.Bid}, and the ledger holds {record.Bid}";
        if (record.Version is null) found.Report("I5", id, record.Basis, what);
        else found.ReportPhantom(id, record.Version, what);
    }

    private static void Same(Guid id, SentBid bid, BidAnswer first, Findings found)
    {
        foreach (var other in bid.Calls)
        {
            if (other.Answer is { } answer && answer != first)
            {
                found.Report("I5", id, first.Version, $"{Name(bid)} was told {Text(first)} and {Text(answer)}");
                return;
            }
        }
    }

    private static void Held(Guid id, SentBid bid, BidAnswer answer, LedgerRecord record, Dictionary<long, LedgerRecord> states, Findings found)
    {
        var version = record.Version ?? record.Basis ?? -1;
        var left = states.GetValueOrDefault(version);
        var bidId = record.Version is null ? Guid.Empty : record.Id;
        if ((answer.Outcome, answer.Reason, answer.BidId, answer.Version, answer.DecidedUs) != (record.Outcome, record.Reason, bidId, version, record.DecidedUs))
            found.ReportLost(id, version, $"{Name(bid)} was told {Text(answer)}, the ledger holds {record.Outcome} {record.Reason} {bidId} at version {version}");
        else if (left?.After is { } state && (answer.State, answer.ReserveMet) != (state with { Ceiling = 0 }, left.ReserveMet))
            found.ReportLost(id, version, $"{Name(bid)} was told of the state {answer.State}, the ledger holds {state}");
    }

    private static string Name(SentBid bid) => $"{bid.Bid.Kind} of {bid.Bid.Bidder} under {bid.Bid.Key}";

    private static string Text(BidAnswer answer) => $"{answer.Outcome} {answer.Reason} at version {answer.Version}";
}
