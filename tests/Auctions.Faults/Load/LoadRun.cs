using Auctions.Core;

namespace Auctions.Faults.Load;

/// <summary>
/// All participants of a run: sellers, bidders, and a viewer for each auction.
/// <para>Concurrency: each participant is a task of its own. They share the <see cref="LotCatalog"/> and the
/// <see cref="LoadLog"/>.</para>
/// <para>Lifecycle: <see cref="OpenAsync"/> starts sellers, and bidders once there is an auction. After
/// <see cref="EndBidding"/> unknown outcomes are still resolved. <see cref="StopAsync"/> ends everybody.</para>
/// <para>Invariants: a participant's calls are drawn from the seed and its number, so a run with the same seed has the
/// same participants. Every auction has one viewer from its creation on.</para>
/// <para>Bounds: one call in flight per participant (see <see cref="Bidder"/>), one stream per auction.</para>
/// </summary>
public sealed class LoadRun
{
    private static readonly string[] SellerNames = ["seller-0", "seller-1"];

    private readonly CancellationTokenSource _bidding = new(), _resolving = new(), _watching = new();
    private readonly List<Bidder> _bidders = [];
    private readonly List<Seller> _sellers = [];
    private readonly List<Task> _working = [], _watchers = [];
    private readonly ServiceClients _services;
    private readonly RunClock _clock;
    private readonly TimeSpan _length;
    private bool _stopped;

    /// <param name="length">The length of the run.</param>
    public LoadRun(ServiceClients services, RunClock clock, int seed, int bidders, TimeSpan length)
    {
        (_services, _clock, _length) = (services, clock, length);
        Log = new LoadLog(Catalog);
        var calls = new BidCalls(services, Log, clock);
        for (var i = 0; i < bidders; i++)
        {
            // One of them is a seller, who may not bid on her own auctions.
            var name = i == 0 ? SellerNames[0] : $"bidder-{i}";
            var random = new Random(seed * 1_000 + i);
            var instance = i % services.Bidding.Count;
            _bidders.Add(new Bidder(name, instance, random, Catalog, calls, Log, services, clock));
        }

        for (var i = 0; i < SellerNames.Length; i++)
        {
            var random = new Random(-seed * 1_000 - i);
            _sellers.Add(new Seller(SellerNames[i], random, Catalog, Log, services, clock, Watch));
        }
    }

    public LotCatalog Catalog { get; } = new();
    public LoadLog Log { get; }

    /// <summary>Bids whose outcome bidders still try to learn.</summary>
    public int Unknown => _bidders.Sum(b => b.Unknown);

    /// <summary>Whether everybody but the viewers has finished.</summary>
    public bool IsIdle => _working.TrueForAll(task => task.IsCompleted);

    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        var lengthUs = (long)_length.TotalMicroseconds;
        _working.AddRange(_sellers.Select(seller => Task.Run(
            () => seller.RunAsync(lengthUs, _bidding.Token, _resolving.Token), cancellationToken)));
        while (Catalog.All.Count == 0) await _clock.DelayAsync(TimeSpan.FromMilliseconds(20), cancellationToken);
        _working.AddRange(_bidders.Select(bidder => Task.Run(
            () => bidder.RunAsync(_bidding.Token, _resolving.Token), cancellationToken)));
    }

    /// <summary>Ends new bids and new auctions.</summary>
    public void EndBidding() => _bidding.Cancel();

    /// <exception cref="Exception">A participant failed: a bug in this program.</exception>
    public async Task StopAsync()
    {
        if (_stopped) return;
        _stopped = true;
        await _bidding.CancelAsync();
        await _resolving.CancelAsync();
        await Task.WhenAll(_working);
        await _watching.CancelAsync();
        await Task.WhenAll(_watchers);
    }

    private void Watch(Lot lot)
    {
        var watching = new Watcher(_services, Log, _clock).WatchAsync(lot, _watching.Token);
        lock (_watchers) _watchers.Add(watching);
    }
}

/// <summary>The run's own monotonic clock: microseconds since its start. All evidence is timed by it.</summary>
public sealed class RunClock
{
    private readonly long _zero;

    public RunClock(TimeProvider timeProvider)
    {
        TimeProvider = timeProvider;
        _zero = timeProvider.GetTimestamp();
        EpochUs = timeProvider.GetUtcNow().ToMicroseconds();
    }

    public TimeProvider TimeProvider { get; }

    /// <summary>The clock's zero, in microseconds since 1970.</summary>
    public long EpochUs { get; }

    public long NowUs => TimeProvider.GetElapsedTime(_zero).Ticks / TimeSpan.TicksPerMicrosecond;

    public Task DelayAsync(TimeSpan delay, CancellationToken cancellationToken) =>
        Task.Delay(delay, TimeProvider, cancellationToken);
}
