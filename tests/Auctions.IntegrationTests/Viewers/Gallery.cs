using System.Collections.Concurrent;
using Auctions.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using StreamGateway;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>The fan-out with viewers, without servers: the ledger is a dictionary, and the test is the feed.</summary>
internal sealed class Gallery : IAsyncDisposable
{
    private readonly CancellationTokenSource _draining = new();

    public Gallery(GatewayOptions? options = null)
    {
        var wrapped = Options.Create(options ?? new GatewayOptions { CoalesceMs = 1 });
        Reads = new LedgerReads(QueryAsync);
        Fanout = new AuctionFanout(Reads, wrapped, TimeProvider.System, NullLogger<AuctionFanout>.Instance);
        Overdue = new OverdueCheck(Fanout, wrapped, TimeProvider.System, NullLogger<OverdueCheck>.Instance);
        Places = new StreamLimiter(wrapped, _draining.Token);
    }

    public ConcurrentDictionary<Guid, PublicAuction> Ledger { get; } = new();

    /// <summary>How often the ledger was asked.</summary>
    public int Queries { get; private set; }

    /// <summary>What the ledger does before it answers.</summary>
    public Func<Task> BeforeQuery { get; set; } = () => Task.CompletedTask;

    public LedgerReads Reads { get; }

    public AuctionFanout Fanout { get; }

    public OverdueCheck Overdue { get; }

    public StreamLimiter Places { get; }

    public static PublicAuction Auction(long version, long price, AuctionStatus status = AuctionStatus.Active) => new()
    {
        Id = Guid.NewGuid(),
        Version = version,
        Status = status,
        Currency = "USD",
        Opening = 1_000,
        Increment = new Increment.Fixed(100),
        Price = price,
        Leader = price > 0 ? $"bidder-{version}" : "",
        EndUs = 4_000_000_000_000_000,
        Extensions = 0,
        BidCount = price > 0 ? version : 0,
        ReserveMet = false,
        Winner = "",
        EndReason = EndReason.None,
    };

    /// <summary>The auction one bid later.</summary>
    public static PublicAuction Bid(PublicAuction auction) => auction with
    {
        Version = auction.Version + 1,
        Price = auction.Price + 100,
        Leader = $"bidder-{auction.Version + 1}",
        BidCount = auction.BidCount + 1,
    };

    public static PublicAuction Sealed(PublicAuction auction) => auction with
    {
        Version = auction.Version + 1,
        Status = AuctionStatus.Ended,
        Winner = auction.Leader,
        EndReason = EndReason.Time,
    };

    public Task StartAsync() => Fanout.StartAsync(CancellationToken.None);

    /// <summary>Commits a row, and tells nobody.</summary>
    public PublicAuction Commit(PublicAuction row) => Ledger[row.Id] = row;

    /// <summary>Commits a row, and brings it through the feed.</summary>
    public PublicAuction Apply(PublicAuction row)
    {
        Fanout.Apply(Commit(row));
        return row;
    }

    public (FrameSink Sink, Task Stream) Watch(params WishedTarget[] targets) => Watch(new FrameSink(), CancellationToken.None, targets);

    public (FrameSink Sink, Task Stream) Watch(FrameSink sink, CancellationToken gone, params WishedTarget[] targets) =>
        (sink, NewViewer(TimeSpan.FromSeconds(60), targets).RunAsync(sink, () => Task.CompletedTask, gone));

    public Viewer NewViewer(TimeSpan heartbeat, params WishedTarget[] targets) =>
        new(Fanout, Places, new WatchSubscription(targets, heartbeat), TimeProvider.System);

    public void Drain() => _draining.Cancel();

    public async ValueTask DisposeAsync()
    {
        await Fanout.StopAsync(CancellationToken.None);
        Fanout.Dispose();
        await Overdue.StopAsync(CancellationToken.None);
        Overdue.Dispose();
        Places.Dispose();
        _draining.Dispose();
    }

    private async Task<IReadOnlyList<PublicAuction>> QueryAsync(Guid[] ids)
    {
        Queries++;
        await BeforeQuery();
        return [.. ids.Select(id => Ledger.GetValueOrDefault(id)).OfType<PublicAuction>()];
    }
}
