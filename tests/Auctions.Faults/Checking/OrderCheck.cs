using Auctions.Faults.Evidence;

namespace Auctions.Faults.Checking;

/// <summary>
/// Linearizability. The ledger's order is the witness: an accepted bid takes effect at its version, a refusal or a read right after the version
/// that it rests on. The chain's check has the model confirm each answer in that order. What is left is real time: where one operation
/// was answered before another was first sent, it must not stand after it. An operation lasts from the start of its key's first call
/// to the end of the first one that was answered.
/// </summary>
internal static class OrderCheck
{
    /// <param name="Place">Twice the version, and one more for what leaves it as it is: those of one place may stand in any order.</param>
    private readonly record struct Operation(long Place, long BeganUs, long EndedUs, string What);

    public static void Check(AuctionEvidence auction, Findings found)
    {
        var operations = Operations(auction).OrderByDescending(o => o.Place).ToList();
        Operation? earliest = null; // to end, of all that stand after
        for (var i = 0; i < operations.Count;)
        {
            var place = operations[i].Place;
            var first = i;
            for (; i < operations.Count && operations[i].Place == place; i++)
            {
                var operation = operations[i];
                if (earliest is not { } later || later.EndedUs >= operation.BeganUs) continue;
                found.Report("linearizability", auction.Id, place / 2,
                    $"{operation.What} began {(operation.BeganUs - later.EndedUs) / 1000.0:0.###} ms after the end of {later.What}, and stands before it");
                return; // one shows it; the rest of the history only repeats it
            }

            foreach (var operation in operations[first..i])
            {
                if (earliest is not { } e || operation.EndedUs < e.EndedUs) earliest = operation;
            }
        }
    }

    private static IEnumerable<Operation> Operations(AuctionEvidence auction)
    {
        foreach (var bid in auction.Sent)
        {
            // What is unknown to its bidder may take effect at any time, and is a finding of its own.
            if (bid.Answer is not { } answer) continue;
            yield return new Operation(answer.Version * 2 + (answer.Accepted ? 0 : 1), bid.BeganUs, bid.KnownUs,
                $"{bid.Bid.Bidder}'s {answer.Outcome} {answer.Reason} at version {answer.Version}");
        }

        foreach (var call in auction.Calls)
        {
            // A read, and the seller's word that it is over: both tell a version, and may be told it again.
            yield return new Operation(call.Version * 2 + 1, call.BeganUs, call.EndedUs, $"{call.What} at version {call.Version}");
        }
    }
}
