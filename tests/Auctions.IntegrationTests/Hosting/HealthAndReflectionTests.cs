using Auctions.Hosting;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Reflection.V1;
using static Grpc.Health.V1.HealthCheckResponse.Types;
using V1Alpha = Grpc.Reflection.V1Alpha;

namespace Auctions.IntegrationTests.Hosting;

public sealed class HealthAndReflectionTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);
    private static readonly string[] Offered =
    [
        "auctions.v1.BiddingService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ];

    [Fact]
    public async Task Health_follows_required_dependencies_and_not_optional_ones()
    {
        var (postgres, redis) = (true, false);
        await using var host = await ProbeHost.StartAsync(s => s
            .AddDependency("postgres", required: true, (_, _) => ProbeAsync(postgres))
            .AddDependency("redis", required: false, (_, _) => ProbeAsync(redis)));
        var client = new Health.HealthClient(host.Channel);
        using var watch = client.Watch(new HealthCheckRequest());
        await UntilAsync(watch, ServingStatus.Serving);

        foreach (var service in (string[])["", Offered[0], "postgres"])
            Assert.Equal(ServingStatus.Serving, await CheckAsync(service));
        Assert.Equal(ServingStatus.NotServing, await CheckAsync("redis"));

        postgres = false;
        await UntilAsync(watch, ServingStatus.NotServing);
        Assert.Equal(ServingStatus.NotServing, await CheckAsync(Offered[0]));
        postgres = true;
        await UntilAsync(watch, ServingStatus.Serving);
        Assert.Single(host.Log.Lines, l => l.Text.StartsWith("postgres does not answer.", StringComparison.Ordinal));

        static Task ProbeAsync(bool answers) => answers ? Task.CompletedTask : throw new IOException("down");

        async Task<ServingStatus> CheckAsync(string service) =>
            (await client.CheckAsync(new HealthCheckRequest { Service = service })).Status;
    }

    [Fact]
    public async Task An_unknown_service_is_not_found_but_can_be_watched()
    {
        await using var host = await ProbeHost.StartAsync();
        var client = new Health.HealthClient(host.Channel);
        var unknown = new HealthCheckRequest { Service = "no.Such" };
        var e = await Assert.ThrowsAsync<RpcException>(async () => await client.CheckAsync(unknown));
        Assert.Equal(StatusCode.NotFound, e.StatusCode);
        using var watch = client.Watch(unknown);
        await UntilAsync(watch, ServingStatus.ServiceUnknown);
    }

    [Fact]
    public async Task A_process_that_stops_reports_NOT_SERVING_first()
    {
        await using var host = await ProbeHost.StartAsync();
        using var watch = new Health.HealthClient(host.Channel).Watch(new HealthCheckRequest());
        await UntilAsync(watch, ServingStatus.Serving);
        var stopping = host.App.StopAsync();
        await UntilAsync(watch, ServingStatus.NotServing);
        while (await watch.ResponseStream.TryReadAsync(Bound))
            Assert.Equal(ServingStatus.NotServing, watch.ResponseStream.Current.Status);
        await stopping.WaitAsync(Bound);
    }

    [Fact]
    public async Task Reflection_lists_the_services_and_describes_them_with_all_dependencies()
    {
        await using var host = await ProbeHost.StartAsync();
        using var call = new ServerReflection.ServerReflectionClient(host.Channel).ServerReflectionInfo();
        var listed = await AskAsync(new ServerReflectionRequest { ListServices = "" });
        Assert.Equal(Offered, listed.ListServicesResponse.Service.Select(s => s.Name).Order());

        foreach (var symbol in (string[])[Offered[0], $"{Offered[0]}.PlaceBid", "auctions.v1.PlaceBidRequest"])
        {
            var described = await AskAsync(new ServerReflectionRequest { FileContainingSymbol = symbol });
            var files = described.FileDescriptorResponse.FileDescriptorProto
                .Select(FileDescriptorProto.Parser.ParseFrom).ToList();
            Assert.Equal("auctions/v1/bidding.proto", files[0].Name);
            Assert.All(files.SelectMany(f => f.Dependency), d => Assert.Contains(files, f => f.Name == d));
        }

        var byName = await AskAsync(new ServerReflectionRequest { FileByFilename = "auctions/v1/types.proto" });
        Assert.NotEmpty(byName.FileDescriptorResponse.FileDescriptorProto);
        var unknown = await AskAsync(new ServerReflectionRequest { FileContainingSymbol = "no.Such" });
        Assert.Equal((int)StatusCode.NotFound, unknown.ErrorResponse.ErrorCode);

        async Task<ServerReflectionResponse> AskAsync(ServerReflectionRequest request)
        {
            await call.RequestStream.WriteAsync(request);
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Bound));
            return call.ResponseStream.Current;
        }
    }

    [Fact]
    public async Task Reflection_v1alpha_is_answered_and_its_open_stream_does_not_delay_the_end()
    {
        await using var host = await ProbeHost.StartAsync();
        using var call = new V1Alpha.ServerReflection.ServerReflectionClient(host.Channel).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(new V1Alpha.ServerReflectionRequest { ListServices = "" });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Bound));
        Assert.Equal(Offered, call.ResponseStream.Current.ListServicesResponse.Service.Select(s => s.Name).Order());

        var stopping = host.App.StopWithoutHasteAsync();
        Assert.False(await call.ResponseStream.TryReadAsync(Bound));
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
