using System.Collections.Concurrent;
using Auctions.Ctl.Replay;

namespace Auctions.Faults.Load;

/// <summary>How an auction ends, unless somebody buys it before.</summary>
public enum LotEnd
{
    /// <summary>Its end time comes within the run.</summary>
    Time,
    EndedBySeller,
    Cancelled,
    /// <summary>It is still open at the end of the run.</summary>
    Open,
}

/// <summary>An auction of the run, as its participants know it. Safe for concurrent use.</summary>
/// <param name="BuyNow">The buy-now price in minor units; 0 = none.</param>
/// <param name="Hot">Whether most bidders bid on it.</param>
public sealed record Lot(Guid Id, string Seller, string Currency, long BuyNow, bool Hot, LotEnd End, long EndsUs)
{
    private long _minimum;

    /// <summary>The highest minimum bid that a participant has seen, in minor units.</summary>
    public long Minimum => Interlocked.Read(ref _minimum);

    /// <summary>Whether a participant has seen that it is over.</summary>
    public bool IsOver { get; set; }

    /// <summary>What its viewer was shown.</summary>
    public FrameLog Frames { get; } = new();

    public void RaiseMinimum(long minimum)
    {
        long known;
        do known = Interlocked.Read(ref _minimum);
        while (minimum > known && Interlocked.CompareExchange(ref _minimum, minimum, known) != known);
    }
}

/// <summary>All lots of the run. Bidders choose from it. Safe for concurrent use.</summary>
public sealed class LotCatalog
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
        Refresh();
    }

    /// <summary>Moves lots that are over from the open ones to the others.</summary>
    public void Refresh()
    {
        var lots = _all.ToArray();
        _hot = [.. lots.Where(l => l is { Hot: true, IsOver: false })];
        _cold = [.. lots.Where(l => l is { Hot: false, IsOver: false })];
        _over = [.. lots.Where(l => l.IsOver).TakeLast(20)];
    }

    /// <summary>
    /// A lot to bid on: mostly a hot one, sometimes one that is over. Null if there is none.
    /// </summary>
    public Lot? Pick(Random random)
    {
        var (hot, cold, over) = (_hot, _cold, _over);
        if (over.Length > 0 && random.NextDouble() < OverShare) return over[random.Next(over.Length)];
        var lots = cold.Length == 0 || hot.Length > 0 && random.NextDouble() < HotShare ? hot : cold;
        return lots.Length == 0 ? null : lots[random.Next(lots.Length)];
    }
}
