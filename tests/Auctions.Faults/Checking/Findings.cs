using Auctions.Ctl;

namespace Auctions.Faults.Checking;

/// <summary>What is wrong with one auction, or with the run as a whole.</summary>
public sealed class Findings
{
    private readonly List<Violation> _violations = [];

    public IReadOnlyList<Violation> Violations => _violations;

    /// <summary>Answers that a client was given and the ledger does not hold.</summary>
    public int Lost { get; private set; }

    /// <summary>Accepted bids in the ledger that nobody sent, or not so.</summary>
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
