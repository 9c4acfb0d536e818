using Auctions.Core;
using Auctions.Faults.Evidence;

namespace Auctions.Faults.Checking;

/// <summary>
/// I2 and I5: the ledger has what bidders were told, every call with a key was told the same, the ledger has nothing
/// that nobody sent, and no outcome stays unknown.
/// </summary>
internal static class AnswersCheck
{
    public static void Check(AuctionEvidence auction, Findings findings)
    {
        var recorded = auction.Ledger.Where(r => r.Bid is not null).GroupBy(r => (r.Bid!.Bidder, r.Bid.Key))
            .ToDictionary(g => g.Key, g => g.First());
        var entries = auction.Ledger.Where(r => r.Version is not null).GroupBy(r => r.Version!.Value)
            .ToDictionary(g => g.Key, g => g.First());
        var sentKeys = new HashSet<(string, Guid)>();
        foreach (var bid in auction.Sent)
        {
            var key = (bid.Bid.Bidder, bid.Bid.Key);
            sentKeys.Add(key);
            var record = recorded.GetValueOrDefault(key);
            if (record is { Bid: { } inLedger } && !inLedger.SameContent(bid.Bid))
                ReportOtherContent(auction.Id, bid, record, findings);
            if (bid.Answer is not { } answer)
            {
                findings.Report("I5", auction.Id, record?.Version,
                    $"{Name(bid)}: its outcome is still unknown after {bid.Calls.Count} calls; "
                    + $"the last one ended with {bid.Calls.LastOrDefault()?.Error}");
                continue;
            }

            CheckSameAnswers(auction.Id, bid, answer, findings);
            if (record is not null)
            {
                CheckRecorded(auction.Id, bid, answer, record, entries, findings);
                continue;
            }

            findings.ReportLost(auction.Id, answer.Version,
                $"{Name(bid)} was told {Text(answer)}, but the ledger does not have it");
        }

        foreach (var (key, record) in recorded)
        {
            if (sentKeys.Contains(key)) continue;
            var what = $"{record.Bid!.Kind} of {key.Bidder} with key {key.Key}, which nobody sent";
            if (record.Version is null) findings.Report("I5", auction.Id, record.Basis, "a rejected " + what);
            else findings.ReportPhantom(auction.Id, record.Version, what);
        }
    }

    private static void ReportOtherContent(Guid id, SentBid bid, LedgerRecord record, Findings findings)
    {
        var what = $"{Name(bid)} was sent as {bid.Bid}, but the ledger has {record.Bid}";
        if (record.Version is null) findings.Report("I5", id, record.Basis, what);
        else findings.ReportPhantom(id, record.Version, what);
    }

    private static void CheckSameAnswers(Guid id, SentBid bid, BidAnswer first, Findings findings)
    {
        if (bid.Calls.Select(call => call.Answer).FirstOrDefault(a => a is not null && a != first) is not { } other)
            return;
        findings.Report("I5", id, first.Version, $"{Name(bid)} was told {Text(first)} and {Text(other)}");
    }

    private static void CheckRecorded(
        Guid id, SentBid bid, BidAnswer answer, LedgerRecord record, Dictionary<long, LedgerRecord> entries,
        Findings findings)
    {
        var version = record.Version ?? record.Basis ?? -1;
        var bidId = record.Version is null ? Guid.Empty : record.Id;
        if ((answer.Outcome, answer.Reason, answer.BidId, answer.Version, answer.DecidedUs)
            != (record.Outcome, record.Reason, bidId, version, record.DecidedUs))
        {
            findings.ReportLost(id, version, $"{Name(bid)} was told {Text(answer)}, but the ledger has "
                + $"{record.Outcome} {record.Reason} {bidId} at version {version}");
            return;
        }

        if (entries.GetValueOrDefault(version) is not { After: { } state } entry) return;
        // Until it is sealed, a bought auction is shown as active. Its ceiling is never shown.
        var status = state.Status == AuctionStatus.Bought ? AuctionStatus.Active : state.Status;
        if ((answer.State, answer.ReserveMet) != (state with { Ceiling = 0, Status = status }, entry.ReserveMet))
        {
            findings.ReportLost(
                id, version, $"{Name(bid)} was told the state {answer.State}, but the ledger has {state}");
        }
    }

    private static string Name(SentBid bid) => $"{bid.Bid.Kind} of {bid.Bid.Bidder} with key {bid.Bid.Key}";

    private static string Text(BidAnswer answer) => $"{answer.Outcome} {answer.Reason} at version {answer.Version}";
}

/// <summary>
/// Linearizability. The ledger gives the order: an accepted bid takes effect at its version, a rejection or a read
/// right after the version that it was decided on. <see cref="ChainCheck"/> lets the model confirm each answer in this
/// order. So only real time is left to check: if one operation was answered before another was first sent, it must not
/// come after it in the order. An operation lasts from the start of its key's first call to the end of the first
/// answered call.
/// </summary>
internal static class OrderCheck
{
    /// <param name="Position">
    /// Twice the version, plus one if the operation leaves the version as it is. Operations of one position may be in
    /// any order.
    /// </param>
    private readonly record struct Operation(long Position, long BeganUs, long EndedUs, string What);

    public static void Check(AuctionEvidence auction, Findings findings)
    {
        var operations = Operations(auction).OrderByDescending(o => o.Position).ToList();
        Operation? firstToEnd = null; // of all operations at later positions
        for (var i = 0; i < operations.Count;)
        {
            var position = operations[i].Position;
            var first = i;
            for (; i < operations.Count && operations[i].Position == position; i++)
            {
                var operation = operations[i];
                if (firstToEnd is not { } later || later.EndedUs >= operation.BeganUs) continue;
                findings.Report("linearizability", auction.Id, position / 2,
                    $"{operation.What} began {(operation.BeganUs - later.EndedUs) / 1000.0:0.###} ms after the end of "
                    + $"{later.What}, but precedes it in the ledger");
                return; // the rest of the history would only repeat it
            }

            foreach (var operation in operations[first..i])
            {
                if (firstToEnd is not { } e || operation.EndedUs < e.EndedUs) firstToEnd = operation;
            }
        }
    }

    private static IEnumerable<Operation> Operations(AuctionEvidence auction)
    {
        foreach (var bid in auction.Sent)
        {
            // A bid with an unknown outcome may take effect at any time. It is a finding of its own.
            if (bid.Answer is not { } answer) continue;
            yield return new Operation(answer.Version * 2 + (answer.Accepted ? 0 : 1), bid.BeganUs, bid.KnownUs,
                $"{bid.Bid.Bidder}'s {answer.Outcome} {answer.Reason} at version {answer.Version}");
        }

        foreach (var call in auction.Calls)
        {
            // A read, or a seller's call: both return a version, and may return it again.
            yield return new Operation(
                call.Version * 2 + 1, call.BeganUs, call.EndedUs, $"{call.What} at version {call.Version}");
        }
    }
}
