using Xunit;
using Xunit.Abstractions;

namespace Auctions.Simulation;

public sealed class SimulationTests(ITestOutputHelper output)
{
    [Fact]
    public void Ten_thousand_histories_keep_the_promises()
    {
        var played = Histories.Play(Enumerable.Range(0, 10_000), Guards.All);

        output.WriteLine(played.ToString());
        Assert.True(played.Broken.Count == 0, played.ToString());
        Assert.True(played.Entries > 100_000 && played.Refusals > 100_000, $"Too little happened to prove anything: {played}");
    }

    [Theory]
    [InlineData(nameof(Guards.Predecessor))]
    [InlineData(nameof(Guards.HeadMoves))]
    [InlineData(nameof(Guards.Before))]
    [InlineData(nameof(Guards.RefusalBasis))]
    [InlineData(nameof(Guards.UniqueKey))]
    [InlineData(nameof(Guards.AnswerAfterCommit))]
    public void Without_a_guard_they_are_broken(string guard)
    {
        var played = Histories.Play(Enumerable.Range(0, 200), Guards.All & ~Enum.Parse<Guards>(guard));

        Assert.NotEmpty(played.Broken);
    }

    [Fact]
    public void A_seed_is_one_history()
    {
        var (once, again) = (Histories.Play([17], Guards.All), Histories.Play([17], Guards.All));

        Assert.Equal(once with { Broken = again.Broken }, again);
    }
}
