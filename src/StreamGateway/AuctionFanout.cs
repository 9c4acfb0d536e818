using System.Collections.Concurrent;
using System.Threading.Channels;
using Auctions.Hosting;
using Auctions.Ledger;
using Microsoft.Extensions.Options;

namespace StreamGateway;

/// <summary>
/// From the rows of watched auctions to their viewers. Publishing replaces a reference and wakes the viewers; each
/// viewer's own call writes the frame (<see cref="Viewer"/>).
/// <para>Concurrency: any thread may call any member. One task publishes what change events have brought.</para>
/// <para>Lifecycle: an auction is held from its first viewer's <see cref="Join"/> to its last viewer's
/// <see cref="Leave"/>. The publishing task runs until the host stops.</para>
/// <para>Invariants: the published versions of an auction only rise (I7), and the latest one is never missed. A
/// viewer joins before the auction is read from Postgres: a change that was committed before the read is in the read,
/// and a later change arrives as a change event. Where events may be lost, <see cref="ResyncAsync"/> reads all
/// watched auctions again.</para>
/// <para>Bounds: holds the latest version of watched auctions and of no others. An auction waits at most once for its
/// publication. Change events cause at most one frame per auction in <see cref="GatewayOptions.CoalesceMs"/>: the
/// first change after a quiet time goes out at once, later ones go together.</para>
/// </summary>
internal sealed class AuctionFanout(
    LedgerReads ledger, IOptions<GatewayOptions> options, TimeProvider timeProvider, ILogger<AuctionFanout> logger)
    : BackgroundLoop(timeProvider, logger)
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    private readonly PutAside _aside = new("publishing", timeProvider, logger);
    private readonly ConcurrentDictionary<Guid, WatchedAuction> _watched = new();
    private readonly Lock _membership = new();
    private readonly Channel<WatchedAuction> _changed = // At most one entry per auction: WatchedAuction.TryMarkQueued.
        Channel.CreateUnbounded<WatchedAuction>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>The auctions that have viewers now.</summary>
    public ICollection<WatchedAuction> Watched => _watched.Values;

    public bool IsWatched(Guid auctionId) => _watched.ContainsKey(auctionId);

    /// <summary>Adds a viewer. From now on change events of the auction are applied.</summary>
    public WatchedAuction Join(Guid auctionId, Viewer viewer)
    {
        lock (_membership)
        {
            var auction = _watched.GetOrAdd(auctionId, static id => new WatchedAuction(id));
            auction.Add(viewer);
            return auction;
        }
    }

    public void Leave(WatchedAuction auction, Viewer viewer)
    {
        lock (_membership)
        {
            if (auction.Remove(viewer) == 0) _watched.TryRemove(auction.Id, out _);
        }
    }

    /// <summary>Applies the row of a change event.</summary>
    public void Apply(PublicAuction row)
    {
        if (_watched.TryGetValue(row.Id, out var auction)) Apply(auction, row);
    }

    /// <summary>Returns when the auction is published. Reads it from Postgres if nobody has read it yet.</summary>
    /// <returns>False if there is no such auction.</returns>
    /// <exception cref="LedgerUnavailableException">Postgres did not answer.</exception>
    public Task<bool> EnsureLoadedAsync(WatchedAuction auction) => auction.LoadOnceAsync(RefreshAsync);

    /// <summary>Reads the auction as it is now, or later, and publishes it.</summary>
    /// <inheritdoc cref="EnsureLoadedAsync"/>
    public async Task<bool> RefreshAsync(WatchedAuction auction)
    {
        if (await ledger.ReadAsync(auction.Id) is not { } row) return false;
        auction.TryAdvance(row);
        auction.Publish();
        return true;
    }

    /// <summary>
    /// Reads every watched auction again, and repeats failed reads until all have succeeded. Call it when the
    /// consumer of change events has new positions, from which on nothing is missed.
    /// </summary>
    public async Task ResyncAsync(CancellationToken cancellationToken)
    {
        for (var pending = Watched; pending.Count > 0;)
        {
            var reads = pending.Select(auction => (Auction: auction, Row: ledger.ReadAsync(auction.Id))).ToList();
            await Task.WhenAll(reads.Select(read => (Task)read.Row)).WaitAsync(cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var (auction, read) in reads)
            {
                if (read is { IsCompletedSuccessfully: true, Result: { } row }) Apply(auction, row);
            }

            var failed = reads.Where(read => read.Row.Exception?.InnerException is LedgerUnavailableException).ToList();
            if (failed.Count == 0) return;
            Logger.ResyncDelayed(failed.Count, failed[0].Row.Exception!.InnerException!);
            await Task.Delay(RetryDelay, TimeProvider, cancellationToken);
            pending = [.. failed.Select(read => read.Auction)];
        }
    }

    protected override async Task LoopAsync(CancellationToken stoppingToken)
    {
        var pause = TimeSpan.FromMilliseconds(options.Value.CoalesceMs);
        while (await _changed.Reader.WaitToReadAsync(stoppingToken))
        {
            while (_changed.Reader.TryRead(out var auction))
            {
                auction.ClearQueued();
                Publish(auction);
            }

            await Task.Delay(pause, TimeProvider, stoppingToken);
        }
    }

    /// <summary>An auction that cannot be published keeps its last frame, and no other one waits for it.</summary>
    private void Publish(WatchedAuction auction)
    {
        try
        {
            auction.Publish();
            _aside.Succeeded(auction.Id);
        }
        catch (Exception fault)
        {
            _aside.Failed(auction.Id, fault);
        }
    }

    private void Apply(WatchedAuction auction, PublicAuction row)
    {
        if (auction.TryAdvance(row) && auction.TryMarkQueued()) _changed.Writer.TryWrite(auction);
    }
}

/// <summary>
/// An auction with its viewers, the latest version known, and the latest version published. Both versions only rise, in
/// whatever order and from whatever source rows come, and however often.
/// </summary>
internal sealed class WatchedAuction(Guid id)
{
    private readonly Lock _gate = new();
    private readonly HashSet<Viewer> _viewers = [];
    private PublicAuction? _latest;
    private volatile Publication? _published;
    private Task<bool>? _load;
    private int _queued;

    public Guid Id => id;

    /// <summary>What viewers are shown; null before the first read.</summary>
    public Publication? Published => _published;

    /// <summary>The latest version known; null before the first row.</summary>
    public PublicAuction? Latest
    {
        get { lock (_gate) return _latest; }
    }

    public int ViewerCount
    {
        get { lock (_gate) return _viewers.Count; }
    }

    public void Add(Viewer viewer)
    {
        lock (_gate) _viewers.Add(viewer);
    }

    /// <returns>How many viewers remain.</returns>
    public int Remove(Viewer viewer)
    {
        lock (_gate)
        {
            _viewers.Remove(viewer);
            return _viewers.Count;
        }
    }

    /// <summary>
    /// Takes a row, from a change event or from Postgres, if it is newer than the latest version known.
    /// </summary>
    /// <returns>Whether it is newer.</returns>
    public bool TryAdvance(PublicAuction row)
    {
        lock (_gate)
        {
            if (_latest is not null && row.Version <= _latest.Version) return false;
            _latest = row;
            return true;
        }
    }

    /// <summary>Shows the latest version to the viewers, unless it is published already.</summary>
    public void Publish()
    {
        lock (_gate)
        {
            if (_latest is null || _published?.Version == _latest.Version) return;
            _published = new Publication(_latest, _published?.Auction);
            foreach (var viewer in _viewers) viewer.Wake();
        }
    }

    /// <summary>Whether the caller must queue the auction for publication: false if it is queued already.</summary>
    public bool TryMarkQueued() => Interlocked.Exchange(ref _queued, 1) == 0;

    /// <summary>From now on a change queues the auction again. Call it before <see cref="Publish"/>.</summary>
    public void ClearQueued() => Volatile.Write(ref _queued, 0);

    /// <summary>
    /// The first viewers share one load. If it failed or found nothing, the next viewer starts another one.
    /// </summary>
    /// <returns>Whether there is such an auction.</returns>
    public Task<bool> LoadOnceAsync(Func<WatchedAuction, Task<bool>> load)
    {
        lock (_gate)
        {
            var usable = _load is { IsCompleted: false } or { IsCompletedSuccessfully: true, Result: true };
            return usable ? _load! : _load = load(this);
        }
    }
}
