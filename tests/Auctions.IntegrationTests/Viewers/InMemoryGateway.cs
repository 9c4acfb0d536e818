using System.Collections.Concurrent;
using Auctions.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using StreamGateway;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>
/// The fan-out and its viewers without servers: a dictionary is the ledger; the test sends the events.
/// </summary>
internal sealed class InMemoryGateway : IAsyncDisposable
{
    private readonly CancellationTokenSource _draining = new();

    public InMemoryGateway(GatewayOptions? options = null)
    {
        var wrapped = Options.Create(options ?? new GatewayOptions { CoalesceMs = 1 });
        Fanout = new AuctionFanout(
            new LedgerReads(QueryAsync), wrapped, TimeProvider.System, NullLogger<AuctionFanout>.Instance);
        Overdue = new OverdueCheck(Fanout, wrapped, TimeProvider.System, NullLogger<OverdueCheck>.Instance);
        Limiter = new StreamLimiter(wrapped, _draining.Token);
    }

    public ConcurrentDictionary<Guid, PublicAuction> Ledger { get; } = new();

    /// <summary>Auctions whose rows cannot be read.</summary>
    public ConcurrentDictionary<Guid, FormatException> Unreadable { get; } = new();

    /// <summary>How many queries the ledger has received.</summary>
    public int Queries { get; private set; }

    /// <summary>Runs before each answer of the ledger.</summary>
    public Func<Task> BeforeQuery { get; set; } = () => Task.CompletedTask;

    public AuctionFanout Fanout { get; }

    public OverdueCheck Overdue { get; }

    public StreamLimiter Limiter { get; }

    public Task StartAsync() => Fanout.StartAsync(CancellationToken.None);

    /// <summary>Commits a row without an event.</summary>
    public PublicAuction Commit(PublicAuction row) => Ledger[row.Id] = row;

    /// <summary>Commits a row and sends its event.</summary>
    public PublicAuction Apply(PublicAuction row)
    {
        Fanout.Apply(Commit(row));
        return row;
    }

    public (FrameRecorder Recorder, Task Stream) Watch(Guid auctionId, long? resumeVersion = null) =>
        Watch(new SubscriptionTarget(auctionId, resumeVersion));

    public (FrameRecorder Recorder, Task Stream) Watch(params SubscriptionTarget[] targets) =>
        Watch(new FrameRecorder(), CancellationToken.None, targets);

    public (FrameRecorder Recorder, Task Stream) Watch(
        FrameRecorder recorder, CancellationToken cancellationToken, params SubscriptionTarget[] targets)
    {
        var viewer = NewViewer(TimeSpan.FromSeconds(60), targets);
        return (recorder, viewer.RunAsync(recorder, () => Task.CompletedTask, cancellationToken));
    }

    public Viewer NewViewer(TimeSpan heartbeat, params SubscriptionTarget[] targets) =>
        new(Fanout, Limiter, new WatchSubscription(targets, heartbeat), TimeProvider.System);

    public void Drain() => _draining.Cancel();

    public async ValueTask DisposeAsync()
    {
        await Fanout.StopAsync(CancellationToken.None);
        Fanout.Dispose();
        await Overdue.StopAsync(CancellationToken.None);
        Overdue.Dispose();
        Limiter.Dispose();
        _draining.Dispose();
    }

    private async Task<IReadOnlyList<ReadAuction>> QueryAsync(Guid[] ids)
    {
        Queries++;
        await BeforeQuery();
        return
        [
            .. ids.Where(Ledger.ContainsKey).Select(id => new ReadAuction(id, Ledger[id], null)),
            .. ids.Where(Unreadable.ContainsKey).Select(id => new ReadAuction(id, null, Unreadable[id])),
        ];
    }
}

/// <summary>Rows of auctions.</summary>
internal static class Rows
{
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
    public static PublicAuction AfterBid(PublicAuction auction) => auction with
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
}
