using System.Collections.Concurrent;
using System.Threading.Channels;
using Auctions.Ledger;
using Microsoft.Extensions.Options;

namespace StreamGateway;

/// <summary>
/// From the feed to the viewers. It keeps the latest version of each watched auction, and of no other, and publishes each at
/// most once in <see cref="GatewayOptions.CoalesceMs"/>: the first change after a quiet time at once, what follows together.
/// Publishing only swaps a reference and wakes; each viewer's own call writes (<see cref="Viewer"/>).
/// </summary>
/// <remarks>
/// Why no viewer misses a version: a viewer joins first, so that from then on rows of the feed are taken; the read
/// from Postgres begins after that. What was committed before the read is in it; what was committed later is still to come
/// in the feed. Where the feed has lost its place, <see cref="ResyncAsync"/> reads all again.
/// </remarks>
internal sealed partial class AuctionFanout(
    LedgerReads ledger, IOptions<GatewayOptions> options, TimeProvider timeProvider, ILogger<AuctionFanout> logger) : BackgroundService
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<Guid, WatchedAuction> _watched = new();
    private readonly Lock _membership = new();
    private readonly Channel<WatchedAuction> _changed =
        Channel.CreateUnbounded<WatchedAuction>(new UnboundedChannelOptions { SingleReader = true }); // At most one entry an auction.

    /// <summary>The auctions that somebody watches now.</summary>
    public ICollection<WatchedAuction> Watched => _watched.Values;

    public bool Watches(Guid id) => _watched.ContainsKey(id);

    /// <summary>Adds a viewer. From its return on no change of the auction is missed, once it has been read.</summary>
    public WatchedAuction Join(Guid id, Viewer viewer)
    {
        lock (_membership)
        {
            var auction = _watched.GetOrAdd(id, static id => new WatchedAuction(id));
            auction.Join(viewer);
            return auction;
        }
    }

    public void Leave(WatchedAuction auction, Viewer viewer)
    {
        lock (_membership)
        {
            if (!auction.Leave(viewer)) _watched.TryRemove(auction.Id, out _);
        }
    }

    /// <summary>Takes a row of the feed.</summary>
    public void Apply(PublicAuction row)
    {
        if (_watched.TryGetValue(row.Id, out var auction)) Take(auction, row);
    }

    /// <summary>Sees to it that the auction is published, as of this call or later if it was not before.</summary>
    /// <returns>Whether there is such an auction.</returns>
    /// <exception cref="LedgerUnavailableException">Postgres did not answer.</exception>
    public Task<bool> EnsureReadAsync(WatchedAuction auction) => auction.FirstRead(RefreshAsync);

    /// <summary>Reads the auction, as it is at this call or later, and publishes it.</summary>
    /// <inheritdoc cref="EnsureReadAsync"/>
    public async Task<bool> RefreshAsync(WatchedAuction auction)
    {
        if (await ledger.ReadAsync(auction.Id) is not { } row) return false;
        auction.Offer(row);
        auction.Publish();
        return true;
    }

    /// <summary>
    /// Reads every watched auction again, until each was read: to be called when the feed has a new place, from which on
    /// nothing is missed.
    /// </summary>
    public async Task ResyncAsync(CancellationToken cancellationToken)
    {
        for (var left = Watched; left.Count > 0;)
        {
            var reads = left.Select(auction => (Auction: auction, Row: ledger.ReadAsync(auction.Id))).ToList();
            await Task.WhenAll(reads.Select(read => (Task)read.Row)).WaitAsync(cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var (auction, row) in reads)
            {
                if (row is { IsCompletedSuccessfully: true, Result: { } read }) Take(auction, read);
            }

            left = [.. reads.Where(read => read.Row.IsFaulted).Select(read => read.Auction)];
            if (left.Count == 0) break;
            ResyncDelayed(left.Count, reads.First(read => read.Row.IsFaulted).Row.Exception!.InnerException!);
            await Task.Delay(RetryAfter, timeProvider, cancellationToken);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = TimeSpan.FromMilliseconds(options.Value.CoalesceMs);
        while (await _changed.Reader.WaitToReadAsync(stoppingToken))
        {
            while (_changed.Reader.TryRead(out var auction))
            {
                auction.Dequeued();
                auction.Publish();
            }

            await Task.Delay(pause, timeProvider, stoppingToken);
        }
    }

    private void Take(WatchedAuction auction, PublicAuction row)
    {
        if (auction.Offer(row) && auction.TryQueue()) _changed.Writer.TryWrite(auction);
    }

    [LoggerMessage(LogLevel.Warning, "{Count} watched auctions could not be read again; trying until they are.")]
    private partial void ResyncDelayed(int count, Exception exception);
}
