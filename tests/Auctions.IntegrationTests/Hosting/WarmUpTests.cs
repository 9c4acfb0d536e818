using Auctions.Hosting;
using Auctions.IntegrationTests.Servers;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Builder;
using static Grpc.Health.V1.HealthCheckResponse.Types;

namespace Auctions.IntegrationTests.Hosting;

public sealed class WarmUpTests
{
    [Fact]
    public async Task Warm_ups_succeed_and_leave_nothing_behind()
    {
        await using var stack = await TestStack.StartWithServersAsync(kafka: true);
        foreach (var build in (Func<string[], WebApplication>[])
            [BiddingService.Composition.Build, AuctionService.Composition.Build, StreamGateway.Composition.Build])
        {
            var service = await stack.StartServiceAsync(build, "--Auction:Waves=false");
            await ServingAsync(service.Channel);
            var warmUps = service.Get<IEnumerable<WarmUp>>().ToList();
            Assert.NotEmpty(warmUps);
            foreach (var warmUp in warmUps) await Eventually.EndsAsync(warmUp.RunAsync(CancellationToken.None));
        }

        await foreach (var _ in stack.Database.History.ReadAuctionsAsync(CancellationToken.None)) Assert.Fail("a row");
        await using var records = stack.Database.Source.CreateCommand("select count(*) from ledger");
        Assert.Equal(0L, await records.ExecuteScalarAsync());
        Assert.Equal(0L, (long)await stack.RedisClient.GetDatabase().ExecuteAsync("DBSIZE"));
    }

    [Fact]
    public async Task A_store_that_is_away_is_skipped()
    {
        await using var stack = await TestStack.StartWithServersAsync();
        var service = await stack.StartServiceAsync(
            BiddingService.Composition.Build, "--Redis:Configuration=127.0.0.1:1");
        await ServingAsync(service.Channel);
    }

    [Fact]
    public async Task A_warm_up_holds_SERVING_back_until_it_ends()
    {
        var mayEnd = new TaskCompletionSource();
        await using var host = await ProbeHost.StartAsync(
            services => services.AddWarmUp("slow", (_, _) => mayEnd.Task));
        var client = new Health.HealthClient(host.Channel);
        Assert.Equal(ServingStatus.NotServing, (await client.CheckAsync(new HealthCheckRequest())).Status);

        mayEnd.SetResult();
        await ServingAsync(host.Channel);
    }

    [Fact]
    public async Task A_warm_up_that_fails_or_never_ends_does_not_hold_SERVING_back_for_long()
    {
        await using var host = await ProbeHost.StartAsync(services => services
            .AddWarmUp("broken", (_, _) => throw new InvalidOperationException("broken on purpose"))
            .AddWarmUp("endless", (_, _) => new TaskCompletionSource().Task));
        await ServingAsync(host.Channel);
        Assert.Single(host.Log.Lines, line => line.Text.Contains("broken on purpose", StringComparison.Ordinal));
        Assert.Single(host.Log.Lines, line => line.Text.Contains("endless", StringComparison.Ordinal));
    }

    private static Task ServingAsync(global::Grpc.Core.ChannelBase channel) => Eventually.TrueAsync(async () =>
        (await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest())).Status == ServingStatus.Serving);
}
