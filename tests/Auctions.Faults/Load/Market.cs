using System.Collections.Concurrent;

namespace Auctions.Faults.Load;

/// <summary>All auctions of the run, for bidders to choose from.</summary>
public sealed class Market
{
    private const double HotShare = 0.6, OverShare = 0.02;

    private readonly ConcurrentQueue<Lot> _all = new();
    private volatile Lot[] _hot = [], _cold = [], _over = [];

    public IReadOnlyCollection<Lot> All => _all;
    public int OpenHot => _hot.Length;
    public int OpenCold => _cold.Length;

    public void Add(Lot lot)
    {
        _all.Enqueue(lot);
        Sort();
    }

    /// <summary>Takes what is over out of what most bidders see.</summary>
    public void Sort()
    {
        var lots = _all.ToArray();
        _hot = [.. lots.Where(l => l is { Hot: true, Over: false })];
        _cold = [.. lots.Where(l => l is { Hot: false, Over: false })];
        _over = [.. lots.Where(l => l.Over).TakeLast(20)];
    }

    /// <summary>An auction to bid in: a hot one for most, now and then one that is over. Null where there is none.</summary>
    public Lot? Pick(Random random)
    {
        var (hot, cold, over) = (_hot, _cold, _over);
        if (over.Length > 0 && random.NextDouble() < OverShare) return over[random.Next(over.Length)];
        var lots = cold.Length == 0 || hot.Length > 0 && random.NextDouble() < HotShare ? hot : cold;
        return lots.Length == 0 ? null : lots[random.Next(lots.Length)];
    }
}
