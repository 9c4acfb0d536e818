using Auctions.Core;

namespace Auctions.Faults.Load;

/// <summary>What bidders ask for: mostly to lead, often too late, sometimes what cannot be.</summary>
internal static class BidChoice
{
    private const long PriceMax = 10_000_000_000_000; // from here on nobody raises: far below 2^53, whatever the increment

    /// <summary>The least that next, as far as the bidder knows, leads; and how far above it bidders go.</summary>
    public static Bid Next(Lot lot, string bidder, Random random)
    {
        var least = lot.Minimum;
        var room = Math.Max(100, least / 50);
        return random.NextDouble() switch
        {
            _ when least > PriceMax => Direct(Math.Max(1, least / 2)),
            < 0.03 => new Bid(bidder, Key(random), BidKind.Direct, lot.Currency == "EUR" ? "USD" : "EUR", least + random.NextInt64(room), 0),
            < 0.05 when lot.BuyNow > 0 => new Bid(bidder, Key(random), BidKind.BuyNow, "", 0, 0),
            < 0.17 => Direct(Math.Max(1, least - 1 - random.NextInt64(Math.Max(1, least / 4)))),
            < 0.60 => Direct(least + random.NextInt64(room / 4)),
            < 0.85 => Proxy(0, least + random.NextInt64(room)),
            var with => Proxy(least + random.NextInt64(room / 4), least + room / 4 + random.NextInt64(room)),
        };

        Bid Direct(long amount) => new(bidder, Key(random), BidKind.Direct, lot.Currency, amount, 0);
        Bid Proxy(long first, long ceiling) => new(bidder, Key(random), BidKind.Proxy, lot.Currency, first, ceiling);
    }

    /// <summary>The same key with other content, which is an error.</summary>
    public static Bid Otherwise(Bid bid) => bid.Kind == BidKind.BuyNow
        ? bid with { Kind = BidKind.Direct, Currency = "USD", Amount = 100 }
        : bid with { Kind = BidKind.Direct, Amount = bid.Limit + 1, Max = 0 };

    /// <summary>A UUID of the run's seed: a failing run's keys are the same when it is run again.</summary>
    private static Guid Key(Random random)
    {
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes);
    }
}
