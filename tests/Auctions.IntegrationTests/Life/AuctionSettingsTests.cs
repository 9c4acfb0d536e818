using Microsoft.Extensions.Options;

namespace Auctions.IntegrationTests.Life;

public sealed class AuctionSettingsTests
{
    [Theory]
    [InlineData("Postgres:ConnectionString", "")]
    [InlineData("Postgres:ConnectionString", "Host=db")]
    [InlineData("Postgres:ConnectionString", "Secret=hunter2")]
    [InlineData("Redis:Configuration", "")]
    [InlineData("HotState:IdleTtl", "00:00:00")]
    [InlineData("Auction:ClosingsMax", "0")]
    [InlineData("Auction:IncrementTables:steep", "5=1")]
    public async Task The_service_does_not_start_on_a_wrong_setting_and_names_it(string key, string value)
    {
        var e = await Assert.ThrowsAsync<OptionsValidationException>(() =>
            LifeHost.StartAsync("Host=127.0.0.1;Port=9;Database=none", "--Redis:Configuration=127.0.0.1:9", $"--{key}={value}"));
        Assert.Contains(key, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", e.ToString(), StringComparison.Ordinal);
    }
}
