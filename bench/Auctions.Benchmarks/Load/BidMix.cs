using System.Text;

namespace Auctions.Benchmarks.Load;

/// <summary>Which bids a run sends; the same for every design.</summary>
/// <param name="HotShare">
/// The share of the bids that go to the first <paramref name="HotAuctions"/> auctions; 0: all auctions get the same.
/// </param>
internal sealed record BidMix(double HotShare = 0, int HotAuctions = 0)
{
    /// <summary>Shares of all requests. The others are rising bids: half direct, half proxy.</summary>
    public const double Losing = 0.20, Duplicate = 0.05;

    public const long Opening = 1_000, Increment = 100;

    /// <summary>How every report describes the bids.</summary>
    public const string Text = "75 % rising (half direct, half proxy, each above all earlier offers), "
        + "20 % losing (below the price: rejected), 5 % duplicates (an answered request again)";
}

/// <summary>
/// The auctions of a run, and what has been offered in them. All connections share it and call it concurrently.
/// </summary>
internal sealed class AuctionSet(IReadOnlyList<Guid> ids)
{
    private readonly long[] _offered = [.. ids.Select(_ => BidMix.Opening)];
    private readonly long[] _reached = new long[ids.Count];

    public IReadOnlyList<Guid> Ids { get; } = ids;

    /// <summary>The ids as ASCII text, as requests carry them.</summary>
    public byte[][] IdTexts { get; } = [.. ids.Select(id => Encoding.ASCII.GetBytes(id.ToString()))];

    /// <summary>An amount above all earlier offers in this auction, by so many increments.</summary>
    public long NextOffer(int auction, int increments) =>
        Interlocked.Add(ref _offered[auction], BidMix.Increment * increments);

    /// <summary>Notes that a direct bid of this amount was accepted: the price is at least that.</summary>
    public void NoteAccepted(int auction, long minor)
    {
        // A lost race leaves a lower amount, which was also accepted.
        if (minor > Volatile.Read(ref _reached[auction])) Volatile.Write(ref _reached[auction], minor);
    }

    /// <summary>An amount that can no longer be accepted.</summary>
    public long TooLow(int auction) => Math.Max(1, Volatile.Read(ref _reached[auction]));
}

/// <summary>Makes the bids of one connection and keeps their answers. One thread uses it.</summary>
internal sealed class BidSource(BidMix mix, AuctionSet auctions, int bidders, int seed)
{
    private const int AnsweredMax = 256;
    private readonly Random _random = new(seed);
    private readonly BidCall[] _answered = new BidCall[AnsweredMax];
    private int _answeredCount;

    /// <summary>By key number: the answer to the first request with this key.</summary>
    public List<Answer> Answers { get; } = new(1 << 16);

    /// <summary>Duplicates that did not get the first answer.</summary>
    public long Contradictions { get; private set; }

    public BidCall Next()
    {
        var draw = _random.NextDouble();
        if (draw < BidMix.Duplicate && _answeredCount > 0)
        {
            var again = _answered[_random.Next(Math.Min(_answeredCount, AnsweredMax))];
            again.Aim = BidAim.Duplicate;
            again.Expected = again.Got;
            return again;
        }

        var call = new BidCall
        {
            Auction = ChooseAuction(),
            Bidder = _random.Next(bidders),
            KeyNumber = Answers.Count,
        };
        if (draw < BidMix.Duplicate + BidMix.Losing)
        {
            call.Aim = BidAim.Losing;
            call.Minor = auctions.TooLow(call.Auction);
        }
        else
        {
            call.Proxy = _random.Next(2) == 0;
            call.Minor = auctions.NextOffer(call.Auction, _random.Next(1, 4));
        }

        Answers.Add(Answer.None);
        return call;
    }

    /// <summary>The first bid on a given auction.</summary>
    public BidCall First(int auction)
    {
        var call = new BidCall
        {
            Auction = auction,
            Bidder = _random.Next(bidders),
            KeyNumber = Answers.Count,
            Minor = auctions.NextOffer(auction, 1),
        };
        Answers.Add(Answer.None);
        return call;
    }

    /// <summary>Keeps the answer of a call.</summary>
    public void Answered(in BidCall call)
    {
        if (call.Aim == BidAim.Duplicate)
        {
            if (call.Got != Answer.Error && (call.Got != call.Expected || !call.Replayed)) Contradictions++;
            return;
        }

        Answers[(int)call.KeyNumber] = call.Got;
        if (call.Got == Answer.Error) return;
        if (!call.Proxy && call.Got != Answer.Rejected) auctions.NoteAccepted(call.Auction, call.Minor);
        _answered[_answeredCount++ % AnsweredMax] = call;
    }

    private int ChooseAuction()
    {
        var count = auctions.Ids.Count;
        if (mix.HotShare == 0) return _random.Next(count);
        return _random.NextDouble() < mix.HotShare
            ? _random.Next(mix.HotAuctions)
            : _random.Next(mix.HotAuctions, count);
    }
}
