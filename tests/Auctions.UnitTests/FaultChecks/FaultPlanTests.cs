using Auctions.Faults.Injection;
using Auctions.Faults.Report;

namespace Auctions.UnitTests.FaultChecks;

/// <summary>What a seed breaks, and the reported unavailability.</summary>
public sealed class FaultPlanTests
{
    private static readonly TimeSpan TwoMinutes = TimeSpan.FromMinutes(2);

    [Fact]
    public void The_same_seed_gives_the_same_plan() =>
        Assert.Equal(FaultPlan.Of(7, TwoMinutes), FaultPlan.Of(7, TwoMinutes));

    [Fact]
    public void Another_seed_gives_another_plan() =>
        Assert.NotEqual(FaultPlan.Of(7, TwoMinutes), FaultPlan.Of(8, TwoMinutes));

    [Fact]
    public void Two_minutes_have_every_kind_of_fault_and_some_at_once()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var plan = FaultPlan.Of(seed, TwoMinutes);
            Assert.Equal(Enum.GetValues<FaultKind>().Length - 1, plan.Select(f => f.Kind).Distinct().Count());
            Assert.Contains(plan.Zip(plan.Skip(1)), pair => pair.Second.At < pair.First.At + pair.First.Lasts);
            Assert.All(plan, f => Assert.InRange(f.At, TimeSpan.Zero, TwoMinutes));
        }
    }

    [Theory]
    [InlineData(100, 200, 90)] // in the gap from 60 to 150, and in the one to 200
    [InlineData(10, 20, 50)]
    [InlineData(10, 100, 90)]
    [InlineData(160, 900, 300)]
    public void The_longest_gap_that_overlaps_a_fault_counts(long fromMs, long toMs, double longestMs)
    {
        long[] answersMs = [0, 10, 60, 150, 200, 500];
        var fault = new InjectedFault(FaultKind.RedisKill, "redis", fromMs * 1000, toMs * 1000);
        Assert.Equal(longestMs, Availability.Longest(answersMs.Select(ms => ms * 1000), [fault])["redis_kill"]);
    }
}
