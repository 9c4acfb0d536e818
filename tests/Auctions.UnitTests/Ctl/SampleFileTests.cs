using Auctions.Ctl.Replay;

namespace Auctions.UnitTests.Ctl;

public class SampleFileTests
{
    [Fact]
    public void The_committed_sample_is_what_its_seed_gives()
    {
        var made = SampleFile.Write(SampleFile.CommittedSeed, SampleFile.CommittedAuctions, SampleFile.CommittedBids);

        Assert.Equal(made, File.ReadAllText(Path.Combine(SourceTree(), "samples", "sample-auctions.csv")));
    }

    [Fact]
    public void A_sample_closes_as_the_rules_say_and_has_every_kind_of_auction()
    {
        var auctions = BidFile.Read(new StringReader(SampleFile.Write(SampleFile.CommittedSeed, SampleFile.CommittedAuctions, SampleFile.CommittedBids)));
        var reckonings = auctions.Select(ReplayVerdict.Of).ToList();

        Assert.Equal((SampleFile.CommittedAuctions, SampleFile.CommittedBids), (auctions.Count, auctions.Sum(auction => auction.Bids.Count)));
        Assert.Equal(auctions.Select(auction => auction.Closing), reckonings.Select(reckoning => reckoning.Closing));
        Assert.Contains(auctions, auction => auction.Bids.Count == 1);
        Assert.Contains(auctions, auction => auction.Reserve > 0);
        foreach (var outcome in Enum.GetValues<BidOutcome>())
            Assert.Contains(reckonings, reckoning => reckoning.Decisions.Any(decision => decision.Outcome == outcome));
        Assert.Contains(reckonings, reckoning => reckoning.Winner.Length == 0);
        Assert.Contains(reckonings, reckoning => reckoning.Winner.Length > 0);
    }

    private static string SourceTree()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Auctions.sln"))) folder = folder.Parent!;
        return folder.FullName;
    }
}
