using Auctions.Ctl;
using Auctions.Faults.Evidence;

namespace Auctions.Faults.Checking;

/// <summary>
/// Compares what was seen of an auction from every side with the promises. It is pure, and independent of the code
/// under test: it shares only the rules (<c>Auctions.Core</c>), which are the model.
/// </summary>
public static class Checker
{
    public static void Check(AuctionEvidence auction, RunEvidence run, Findings findings)
    {
        ChainCheck.Check(auction, findings);
        RowCheck.Check(auction, findings);
        EndCheck.Check(auction, run, findings);
        DecisionTimeCheck.Check(auction, findings);
        OutcomeCheck.Check(auction, findings);
        AnswersCheck.Check(auction, findings);
        OrderCheck.Check(auction, findings);
        HotStateCheck.Check(auction, findings);
        ViewerCheck.Check(auction, findings);
        EventCheck.Check(auction, run, findings);
    }
}

/// <summary>What the checks found wrong.</summary>
public sealed class Findings
{
    private readonly List<Violation> _violations = [];

    public IReadOnlyList<Violation> Violations => _violations;

    /// <summary>Answers that a client got and the ledger does not have.</summary>
    public int Lost { get; private set; }

    /// <summary>Accepted bids in the ledger that nobody sent, or that were sent with other content.</summary>
    public int Phantom { get; private set; }

    public void Report(string invariant, Guid auctionId, long? version, string detail) =>
        _violations.Add(new Violation(invariant, auctionId.ToString(), version, detail));

    public void ReportLost(Guid auctionId, long? version, string detail)
    {
        Lost++;
        Report("I2", auctionId, version, "lost: " + detail);
    }

    public void ReportPhantom(Guid auctionId, long? version, string detail)
    {
        Phantom++;
        Report("I1", auctionId, version, "phantom: " + detail);
    }
}
