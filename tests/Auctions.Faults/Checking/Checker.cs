using Auctions.Faults.Evidence;

namespace Auctions.Faults.Checking;

/// <summary>
/// Holds what was seen of an auction from every side against the promises. Pure, and apart from the code under test: of that it shares
/// the rules alone (<c>Auctions.Core</c>), which are the model.
/// </summary>
public static class Checker
{
    public static void Check(AuctionEvidence auction, RunEvidence run, Findings found)
    {
        ChainCheck.Check(auction, found);
        RowCheck.Check(auction, found);
        AnswersCheck.Check(auction, found);
        OrderCheck.Check(auction, found);
        EndCheck.Check(auction, run, found);
        HotStateCheck.Check(auction, found);
        ViewerCheck.Check(auction, found);
        EventCheck.Check(auction, run, found);
    }
}
