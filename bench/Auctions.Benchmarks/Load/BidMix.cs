namespace Auctions.Benchmarks.Load;

/// <summary>How the bids of a run are made up; the same for every design.</summary>
/// <param name="HotShare">Share of the bids that go to the first <paramref name="HotAuctions"/> auctions; 0 = all alike.</param>
internal sealed record BidMix(double HotShare = 0, int HotAuctions = 0)
{
    /// <summary>Shares of all requests. What remains are rising bids: half direct, half proxy.</summary>
    public const double Losing = 0.20, Duplicate = 0.05;

    public const long Opening = 1_000, Increment = 100;

    /// <summary>What every report says of the bids.</summary>
    public const string Text =
        "75 % rising (half direct, half proxy, each above all offered before), 20 % losing (below the price: refused), 5 % duplicates (an answered request again)";
}

/// <summary>The auctions of a run, and what has been offered in them. Shared by all connections.</summary>
internal sealed class Field(IReadOnlyList<Guid> auctions)
{
    private readonly long[] _offered = [.. auctions.Select(_ => BidMix.Opening)];
    private readonly long[] _reached = new long[auctions.Count];

    public IReadOnlyList<Guid> Auctions { get; } = auctions;

    /// <summary>The ids as text, as they go into requests.</summary>
    public byte[][] Texts { get; } = [.. auctions.Select(id => System.Text.Encoding.ASCII.GetBytes(id.ToString()))];

    /// <summary>More than anybody has offered in this auction, by one to three increments.</summary>
    public long Rise(int auction, int steps) => Interlocked.Add(ref _offered[auction], BidMix.Increment * steps);

    /// <summary>A direct bid of that much was accepted: the price is that at least.</summary>
    public void Reached(int auction, long minor)
    {
        // A lost race leaves a lower amount, which was reached as well.
        if (minor > Volatile.Read(ref _reached[auction])) Volatile.Write(ref _reached[auction], minor);
    }

    /// <summary>An amount that cannot be accepted any more.</summary>
    public long TooLow(int auction) => Math.Max(1, Volatile.Read(ref _reached[auction]));
}

/// <summary>Makes one connection's bids, and keeps what became of them.</summary>
internal sealed class BidSource(BidMix mix, Field field, int bidders, int seed)
{
    private const int Remembered = 256;
    private readonly Random _random = new(seed);
    private readonly BidCall[] _answered = new BidCall[Remembered];
    private int _answeredCount;

    /// <summary>By key number: the answer to a request that was no duplicate.</summary>
    public List<Answer> Answers { get; } = new(1 << 16);

    /// <summary>Duplicates that did not get the first answer.</summary>
    public long Contradictions { get; private set; }

    public BidCall Next()
    {
        var draw = _random.NextDouble();
        if (draw < BidMix.Duplicate && _answeredCount > 0)
        {
            var again = _answered[_random.Next(Math.Min(_answeredCount, Remembered))];
            again.Aim = BidAim.Duplicate;
            again.Expected = again.Got;
            return again;
        }

        var call = new BidCall { Auction = ChooseAuction(), Bidder = _random.Next(bidders), KeyNumber = Answers.Count };
        if (draw < BidMix.Duplicate + BidMix.Losing)
        {
            call.Aim = BidAim.Losing;
            call.Minor = field.TooLow(call.Auction);
        }
        else
        {
            call.Proxy = _random.Next(2) == 0;
            call.Minor = field.Rise(call.Auction, _random.Next(1, 4));
        }

        Answers.Add(Answer.None);
        return call;
    }

    /// <summary>One bid on a certain auction.</summary>
    public BidCall First(int auction)
    {
        var call = new BidCall { Auction = auction, Bidder = _random.Next(bidders), KeyNumber = Answers.Count, Minor = field.Rise(auction, 1) };
        Answers.Add(Answer.None);
        return call;
    }

    public void Took(in BidCall call)
    {
        if (call.Aim == BidAim.Duplicate)
        {
            if (call.Got != Answer.Error && (call.Got != call.Expected || !call.Replayed)) Contradictions++;
            return;
        }

        Answers[(int)call.KeyNumber] = call.Got;
        if (call.Got == Answer.Error) return;
        if (!call.Proxy && call.Got != Answer.Rejected) field.Reached(call.Auction, call.Minor);
        _answered[_answeredCount++ % Remembered] = call;
    }

    private int ChooseAuction()
    {
        var count = field.Auctions.Count;
        if (mix.HotShare == 0) return _random.Next(count);
        return _random.NextDouble() < mix.HotShare ? _random.Next(mix.HotAuctions) : _random.Next(mix.HotAuctions, count);
    }
}
