using Auctions.Ctl.Deployment;

namespace Auctions.UnitTests.Ctl;

public class DurationsTests
{
    [Theory]
    [InlineData("250ms", 0.25)]
    [InlineData("30s", 30)]
    [InlineData("1.5m", 90)]
    [InlineData("1h", 3600)]
    [InlineData("2d", 172800)]
    public void A_length_of_time_has_a_unit(string text, double seconds)
    {
        Assert.Equal(TimeSpan.FromSeconds(seconds), Durations.Parse(text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("30")]
    [InlineData("0s")]
    [InlineData("-1s")]
    [InlineData("400d")]
    [InlineData("a long time")]
    public void Anything_else_is_none(string text)
    {
        Assert.Null(Durations.Parse(text));
    }
}
