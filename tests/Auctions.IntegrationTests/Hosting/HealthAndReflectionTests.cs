using Auctions.Grpc;
using Auctions.Hosting;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Reflection.V1;
using Microsoft.Extensions.DependencyInjection;
using static Grpc.Health.V1.HealthCheckResponse.Types;
using V1Alpha = Grpc.Reflection.V1Alpha;

namespace Auctions.IntegrationTests.Hosting;

public sealed class HealthAndReflectionTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);
    private static readonly string[] Offered =
        ["auctions.v1.BiddingService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

    [Fact]
    public async Task Health_follows_what_the_service_needs_and_not_what_it_can_do_without()
    {
        var (postgres, redis) = (true, false);
        await using var host = await ProbeHost.StartAsync(services: s => s
            .AddDependency("postgres", required: true, (_, _) => postgres ? Task.CompletedTask : throw new IOException("down"))
            .AddDependency("redis", required: false, (_, _) => redis ? Task.CompletedTask : throw new IOException("down")));
        var client = new Health.HealthClient(host.Channel);
        using var watch = client.Watch(new HealthCheckRequest());
        await UntilAsync(watch, ServingStatus.Serving);

        foreach (var service in (string[])["", Offered[0], "postgres"])
            Assert.Equal(ServingStatus.Serving, (await client.CheckAsync(new HealthCheckRequest { Service = service })).Status);
        Assert.Equal(ServingStatus.NotServing, (await client.CheckAsync(new HealthCheckRequest { Service = "redis" })).Status);

        postgres = false;
        await UntilAsync(watch, ServingStatus.NotServing);
        Assert.Equal(ServingStatus.NotServing, (await client.CheckAsync(new HealthCheckRequest { Service = Offered[0] })).Status);
        postgres = true;
        await UntilAsync(watch, ServingStatus.Serving);
        Assert.Single(host.Log.Lines, l => l.Text.StartsWith("postgres does not answer.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_service_that_is_not_here_is_not_found_and_can_yet_be_watched()
    {
        await using var host = await ProbeHost.StartAsync();
        var client = new Health.HealthClient(host.Channel);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await client.CheckAsync(new HealthCheckRequest { Service = "no.Such" }));
        Assert.Equal(StatusCode.NotFound, e.StatusCode);
        using var watch = client.Watch(new HealthCheckRequest { Service = "no.Such" });
        await UntilAsync(watch, ServingStatus.ServiceUnknown);
    }

    [Fact]
    public async Task A_process_that_stops_says_so_before_it_goes()
    {
        await using var host = await ProbeHost.StartAsync();
        using var watch = new Health.HealthClient(host.Channel).Watch(new HealthCheckRequest());
        await UntilAsync(watch, ServingStatus.Serving);
        var stopping = host.App.StopAsync();
        await UntilAsync(watch, ServingStatus.NotServing);
        while (await watch.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Bound))
            Assert.Equal(ServingStatus.NotServing, watch.ResponseStream.Current.Status);
        await stopping.WaitAsync(Bound);
    }

    [Fact]
    public async Task Reflection_lists_the_services_and_describes_them_with_all_that_they_need()
    {
        await using var host = await ProbeHost.StartAsync();
        using var call = new ServerReflection.ServerReflectionClient(host.Channel).ServerReflectionInfo();
        var listed = await AskAsync(new ServerReflectionRequest { ListServices = "" });
        Assert.Equal(Offered, listed.ListServicesResponse.Service.Select(s => s.Name).Order());

        foreach (var symbol in new[] { "auctions.v1.BiddingService", "auctions.v1.BiddingService.PlaceBid", "auctions.v1.PlaceBidRequest" })
        {
            var described = await AskAsync(new ServerReflectionRequest { FileContainingSymbol = symbol });
            var files = described.FileDescriptorResponse.FileDescriptorProto.Select(FileDescriptorProto.Parser.ParseFrom).ToList();
            Assert.Equal("auctions/v1/bidding.proto", files[0].Name);
            Assert.All(files.SelectMany(f => f.Dependency), d => Assert.Contains(files, f => f.Name == d));
        }

        var byName = await AskAsync(new ServerReflectionRequest { FileByFilename = "auctions/v1/types.proto" });
        Assert.NotEmpty(byName.FileDescriptorResponse.FileDescriptorProto);
        Assert.Equal(5, (await AskAsync(new ServerReflectionRequest { FileContainingSymbol = "no.Such" })).ErrorResponse.ErrorCode);

        async Task<ServerReflectionResponse> AskAsync(ServerReflectionRequest request)
        {
            await call.RequestStream.WriteAsync(request);
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Bound));
            return call.ResponseStream.Current;
        }
    }

    [Fact]
    public async Task Older_tools_are_answered_too_and_an_open_stream_does_not_hold_up_the_end()
    {
        await using var host = await ProbeHost.StartAsync();
        using var call = new V1Alpha.ServerReflection.ServerReflectionClient(host.Channel).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(new V1Alpha.ServerReflectionRequest { ListServices = "" });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Bound));
        Assert.Equal(Offered, call.ResponseStream.Current.ListServicesResponse.Service.Select(s => s.Name).Order());

        var stopping = host.App.StopWithoutHasteAsync();
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Bound));
        await stopping.WaitAsync(Bound);
    }

    private static async Task UntilAsync(AsyncServerStreamingCall<HealthCheckResponse> watch, ServingStatus status)
    {
        using var bound = new CancellationTokenSource(Bound, TimeProvider.System);
        while (await watch.ResponseStream.MoveNext(bound.Token))
        {
            if (watch.ResponseStream.Current.Status == status) return;
        }

        Assert.Fail($"The stream ended without {status}.");
    }
}
