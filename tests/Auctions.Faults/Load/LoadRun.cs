namespace Auctions.Faults.Load;

/// <summary>Everyone who takes part: sellers, bidders, and a viewer for each auction.</summary>
public sealed class LoadRun
{
    private static readonly string[] SellerNames = ["seller-0", "seller-1"];

    private readonly CancellationTokenSource _bidding = new(), _resolving = new(), _watching = new();
    private readonly List<Bidder> _bidders = [];
    private readonly List<Seller> _sellers = [];
    private readonly List<Task> _working = [], _watchers = [];
    private readonly Services _services;
    private readonly RunClock _clock;
    private readonly TimeSpan _length;
    private bool _stopped;

    /// <param name="length">Of the run.</param>
    public LoadRun(Services services, RunClock clock, int seed, int bidders, TimeSpan length)
    {
        (_services, _clock, _length) = (services, clock, length);
        Log = new LoadLog(Market);
        var calls = new BidCalls(services, Log, clock);
        for (var i = 0; i < bidders; i++)
        {
            // One of them is a seller, who may not bid in what she sells.
            var name = i == 0 ? SellerNames[0] : $"bidder-{i}";
            _bidders.Add(new Bidder(name, i % services.Bidding.Count, new Random(seed * 1_000 + i), Market, calls, Log, services, clock));
        }

        for (var i = 0; i < SellerNames.Length; i++)
            _sellers.Add(new Seller(SellerNames[i], new Random(-seed * 1_000 - i), Market, Log, services, clock, Watch));
    }

    public Market Market { get; } = new();
    public LoadLog Log { get; }

    /// <summary>Bids whose outcome bidders still try to learn.</summary>
    public int Unknown => _bidders.Sum(b => b.Unknown);

    /// <summary>Whether nobody works any more, viewers aside.</summary>
    public bool IsIdle => _working.TrueForAll(task => task.IsCompleted);

    /// <summary>Begins; bidders wait until there is something to bid in.</summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        _working.AddRange(_sellers.Select(seller => Task.Run(() => seller.RunAsync((long)_length.TotalMicroseconds, _bidding.Token, _resolving.Token), cancellationToken)));
        while (Market.All.Count == 0) await _clock.DelayAsync(TimeSpan.FromMilliseconds(20), cancellationToken);
        _working.AddRange(_bidders.Select(bidder => Task.Run(() => bidder.RunAsync(_bidding.Token, _resolving.Token), cancellationToken)));
    }

    /// <summary>No new bids, no new auctions; unknown outcomes are still learnt.</summary>
    public void EndBidding() => _bidding.Cancel();

    /// <summary>Ends everything.</summary>
    /// <exception cref="Exception">A participant failed: a defect of this program's.</exception>
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
