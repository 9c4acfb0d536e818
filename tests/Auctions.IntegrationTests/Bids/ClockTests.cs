using Auctions.Grpc;
using Auctions.HotState;
using Auctions.IntegrationTests.Ledger;
using Auctions.IntegrationTests.Servers;
using Grpc.Health.V1;
using static Auctions.IntegrationTests.Servers.TestStack;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace Auctions.IntegrationTests.Bids;

/// <summary>Redis' clock, and the service's, are not the ledger's.</summary>
[Collection(ServersCollection.Name)]
public sealed class ClockTests(TestServers servers) : IAsyncLifetime
{
    private const long HourUs = LedgerDatabase.Hour;

    private TestStack _stack = null!;
    private TestService _service = null!;

    public async Task InitializeAsync()
    {
        _stack = await TestStack.StartAsync(servers.Postgres, servers.Redis);
        _service = await _stack.StartServiceAsync(global::BiddingService.Composition.Build);
    }

    public async Task DisposeAsync() => await _stack.DisposeAsync();

    [Fact]
    public async Task Bids_are_decided_by_the_ledgers_clock_if_that_of_Redis_is_an_hour_ahead()
    {
        var nowUs = NowUs - HourUs;
        var auction = await OpenAsync(nowUs);
        for (var i = 1; i <= 6; i++)
        {
            var result = await BidAsync(auction, $"b{i}", i * 10_00);
            Assert.Equal((V1.BidOutcome.Leading, TimeMap.FromUs(nowUs)), (result.Outcome, result.DecideTime));
        }

        Assert.True(_service.Get<HotStateCircuit>().IsOpen);
        Assert.Empty(await _stack.Database.AuditAsync(auction));
    }

    [Fact]
    public async Task A_bid_in_time_counts_though_Redis_takes_the_auction_to_be_over()
    {
        var nowUs = NowUs - HourUs;
        var auction = await OpenAsync(nowUs, endUs: nowUs + HourUs / 2);
        Assert.Equal(V1.BidOutcome.Leading, (await BidAsync(auction, "ann", 10_00)).Outcome);
    }

    [Fact]
    public async Task Decision_times_do_not_fall_if_the_clock_of_Redis_is_behind()
    {
        var nowUs = NowUs + HourUs;
        var auction = await OpenAsync(nowUs);
        foreach (var bidder in (string[])["ann", "bob"])
        {
            var result = await BidAsync(auction, bidder, bidder == "ann" ? 10_00 : 20_00);
            Assert.Equal((V1.BidOutcome.Leading, TimeMap.FromUs(nowUs)), (result.Outcome, result.DecideTime));
        }

        Assert.False(_service.Get<HotStateCircuit>().IsOpen);
        Assert.Empty(await _stack.Database.AuditAsync(auction));
    }

    [Fact]
    public async Task The_health_of_the_clocks_is_not_serving_while_one_differs_from_the_ledgers_and_bids_go_on()
    {
        await IsAsync("clock", ServingStatus.Serving);
        await _stack.Database.SetClockAsync(NowUs + HourUs);
        await IsAsync("clock", ServingStatus.NotServing);
        await IsAsync("", ServingStatus.Serving);

        var e = await Assert.ThrowsAsync<Auctions.Ledger.ClockDiffersException>(
            () => _service.Get<Auctions.Ledger.LedgerClocks>().CompareAsync(CancellationToken.None));
        foreach (var clock in (string[])["this process", "redis"])
            Assert.Contains($"the clock of {clock} is 3", e.Message, StringComparison.Ordinal);
        Assert.Contains("behind the ledger's", e.Message, StringComparison.Ordinal);

        await _stack.Database.ByHandAsync("delete from test_clock");
        await IsAsync("clock", ServingStatus.Serving);
    }

    private Task IsAsync(string name, ServingStatus status) => Eventually.TrueAsync(async () =>
        (await new Health.HealthClient(_service.Channel).CheckAsync(new HealthCheckRequest { Service = name })).Status
            == status, $"{name} is {status}");

    /// <summary>An auction that began an hour before the ledger's clock, which stands here.</summary>
    private Task<Guid> OpenAsync(long nowUs, long? endUs = null) => _stack.Database.OpenAsync(
        LedgerDatabase.VaseTerms with { StartUs = nowUs - HourUs }, endUs ?? nowUs + 3 * HourUs, createdUs: nowUs);

    private async Task<V1.BidResult> BidAsync(Guid auction, string bidder, long cents) =>
        (await new V1.BiddingService.BiddingServiceClient(_service.Channel).PlaceBidAsync(
            BiddingStack.Proxy(auction, cents), BiddingStack.As(bidder))).Result;
}
