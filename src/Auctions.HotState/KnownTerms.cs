using Auctions.Core;
using Microsoft.Extensions.Caching.Memory;

namespace Auctions.HotState;

/// <summary>
/// The terms that decisions were last made under, by auction, so that a reply need not repeat them. Bounded: where it is full, those
/// go that were not asked for longest, at the cost of one longer reply.
/// </summary>
internal sealed class KnownTerms(int auctionsMax)
{
    private static readonly MemoryCacheEntryOptions One = new() { Size = 1 };

    private readonly MemoryCache _byAuction = new(new MemoryCacheOptions { SizeLimit = auctionsMax });

    /// <summary>The digest to ask with; empty where nothing is known.</summary>
    public (Terms? Terms, string Digest) Of(Guid auctionId) =>
        _byAuction.TryGetValue<Terms>(auctionId, out var terms) ? (terms, terms!.Digest) : (null, "");

    public Terms Learn(Guid auctionId, string line) => _byAuction.Set(auctionId, Terms.Parse(line), One);
}
