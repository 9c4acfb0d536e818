using BiddingService;
using Xunit;

namespace Auctions.Simulation;

/// <summary>What one instance decided and could not persist, another appends for it: progress and fairness, not safety.</summary>
public sealed class CompletionTests
{
    private const long Second = 1_000_000;

    [Theory]
    [InlineData(true, "ann bob")]
    [InlineData(false, "bob")]
    public void The_next_commit_takes_what_a_dead_instance_decided(bool completes, string expected)
    {
        var calm = new Calm(completes ? Guards.All : Guards.All & ~Guards.Completion);
        var auction = calm.Open();
        calm.Run(() => _ = Forgotten(calm.NewInstance(new BiddingOptions(), ledgerDown: true), "ann", 200), Second);
        calm.Run(() => _ = Forgotten(calm.NewInstance(new BiddingOptions()), "bob", 300), Second);

        var joined = calm.Ledger.Chains[auction].Entries.Skip(1).Select(e => e.Bid!.Bidder);
        Assert.Equal(expected, string.Join(' ', joined));

        async Task Forgotten(PlaceBid instance, string bidder, long max)
        {
            try
            {
                await instance.PlaceAsync(Calm.Proxy(auction, bidder, max), CancellationToken.None);
            }
            catch (OutcomeUnknownException)
            {
                // The instance without a ledger: nobody waits for its answer.
            }
        }
    }
}
