using System.Text;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.V1;

namespace StreamGateway;

/// <summary>
/// Warms the way of a frame: a row as events have it, its frames, a read from Postgres, and a call. The call names no
/// auction, so that it ends before it takes one of the streams that viewers may have.
/// </summary>
internal static class FrameWarmUp
{
    private const string Row = """
        {"id":"018f0000-0000-7000-8000-000000000001","version":1,"status":"active","currency":"USD","opening":100,
         "increment":"fixed:100","price":100,"leader":"warm-up","end_us":2000000000000000,"extensions":0,"bid_count":1,
         "reserve_met":true,"winner":"","end_reason":""}
        """;

    public static IServiceCollection AddFrameWarmUp(this IServiceCollection services) => services
        .AddWarmUp("frames", async (provider, _) =>
        {
            var first = PublicAuction.Parse(Encoding.UTF8.GetBytes(Row));
            var second = new Publication(first with { Version = 2, Price = 200 }, first);
            new WatchFrame().Fill(second.Snapshot, provider.GetRequiredService<TimeProvider>().GetUtcNow());
            second.FrameAfter(first.Version);
            await provider.GetRequiredService<LedgerReads>().ReadAsync(first.Id);
        })
        .AddLoopbackWarmUp(Roles.Viewer, async (channel, options) =>
        {
            using var stream = new StreamService.StreamServiceClient(channel).Watch(new WatchRequest(), options);
            await stream.ResponseStream.MoveNext(options.CancellationToken);
        });
}
