using Auctions.Benchmarks.Load;
using Auctions.Core;

namespace Auctions.Benchmarks.Limits;

/// <summary>Bids of <see cref="BidMix"/>'s shares on one auction, without a network in between.</summary>
internal sealed class BidStock(int seed, bool duplicates = true)
{
    private const int Bidders = 2_000;
    private readonly Random _random = new(seed);
    private long _offered = BidMix.Opening;
    private Bid? _last;

    public Bid Next()
    {
        var draw = _random.NextDouble();
        if (duplicates && draw < BidMix.Duplicate && _last is not null) return _last;
        var (kind, amount, max) = (BidKind.Direct, 1L, 0L);
        if (draw >= BidMix.Duplicate + BidMix.Losing || _last is null)
        {
            _offered += BidMix.Increment * _random.Next(1, 4);
            (kind, amount, max) = _random.Next(2) == 0 ? (BidKind.Direct, _offered, 0) : (BidKind.Proxy, 0L, _offered);
        }

        return _last = new Bid($"bidder-{_random.Next(Bidders)}", NewId(), kind, "USD", amount, max);
    }

    /// <summary>Any amount up to a billion, as redis-benchmark draws them.</summary>
    public Bid Random() => new("bidder", NewId(), BidKind.Direct, "USD", _random.NextInt64(1, 1_000_000_000), 0);

    public Guid NewId()
    {
        Span<byte> bytes = stackalloc byte[16];
        _random.NextBytes(bytes);
        return new Guid(bytes);
    }

    public static Terms Terms(long startUs) =>
        new("seller", "USD", BidMix.Opening, 0, 0, new Increment.Fixed(BidMix.Increment), SoftClose.None, startUs);
}
