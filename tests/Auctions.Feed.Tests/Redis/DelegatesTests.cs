using Pipelines.Sockets.Unofficial;

namespace Auctions.Feed.Tests.Redis;

public class DelegatesTests
{
    [Fact]
    public void Targets_come_in_the_order_in_which_they_were_added()
    {
        var seen = new List<int>();
        Action one = () => seen.Add(1), two = () => seen.Add(2);
        foreach (var target in (one + two + one).AsEnumerable()) target();
        Assert.Equal([1, 2, 1], seen);
    }

    [Fact]
    public void No_delegate_has_no_targets()
    {
        foreach (var _ in Delegates.AsEnumerable<Action>(null!)) Assert.Fail("There is none.");
    }

    [Fact]
    public void One_target_is_single_and_two_are_not()
    {
        Action one = () => { };
        Assert.True(one.IsSingle());
        Assert.False((one + one).IsSingle());
    }
}
