using System.Collections.Concurrent;
using Auctions.Core;

namespace Auctions.Platform.HotState;

/// <summary>
/// The terms that decisions were last made under, by auction, so that a reply need not repeat them. Bounded: where it is full it
/// forgets all, at the cost of one longer reply for each auction.
/// </summary>
internal sealed class KnownTerms(int auctionsMax)
{
    private readonly ConcurrentDictionary<Guid, (Terms Terms, string Digest)> _byAuction = new();

    /// <summary>The digest to ask with; empty where nothing is known.</summary>
    public (Terms? Terms, string Digest) Of(Guid auctionId) =>
        _byAuction.TryGetValue(auctionId, out var known) ? known : (null, "");

    public Terms Learn(Guid auctionId, string line)
    {
        var terms = Terms.Parse(line);
        if (_byAuction.Count >= auctionsMax) _byAuction.Clear();
        _byAuction[auctionId] = (terms, Terms.DigestOf(line));
        return terms;
    }
}
