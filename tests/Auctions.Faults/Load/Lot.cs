using Auctions.Ctl.Replay;

namespace Auctions.Faults.Load;

/// <summary>What becomes of an auction if nobody buys it before.</summary>
public enum LotEnd
{
    /// <summary>Its time comes within the run.</summary>
    Time,
    EndedBySeller,
    Cancelled,
    /// <summary>It goes on beyond the run.</summary>
    Open,
}

/// <summary>An auction of the run, as its participants know it.</summary>
/// <param name="BuyNow">0 = none. Minor units.</param>
public sealed record Lot(Guid Id, string Seller, string Currency, long BuyNow, bool Hot, LotEnd End, long EndsUs)
{
    private long _minimum;

    /// <summary>The highest minimum bid that anybody was told of, in minor units.</summary>
    public long Minimum => Interlocked.Read(ref _minimum);

    /// <summary>Somebody was told that it is over.</summary>
    public bool Over { get; set; }

    /// <summary>What its viewer was shown.</summary>
    public FrameLog Frames { get; } = new();

    public void Learn(long minimum)
    {
        long known;
        do known = Interlocked.Read(ref _minimum);
        while (minimum > known && Interlocked.CompareExchange(ref _minimum, minimum, known) != known);
    }
}
