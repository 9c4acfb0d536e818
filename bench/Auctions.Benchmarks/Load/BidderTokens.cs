using Auctions.Grpc;
using Auctions.Hosting;

namespace Auctions.Benchmarks.Load;

/// <summary>The bidders' tokens, minted before the run, as header blocks. They are exempt from velocity limits: those are not measured.</summary>
internal sealed class BidderTokens
{
    private readonly byte[][] _authorizations, _requests;

    public BidderTokens(byte[] key, int bidders, TimeProvider timeProvider)
    {
        var issuer = new TokenIssuer(key, timeProvider);
        _authorizations = [.. Enumerable.Range(0, bidders).Select(i =>
            Hpack.Authorization(issuer.Mint($"bidder-{i}", Roles.Bidder, TimeSpan.FromHours(2), "velocity")))];
        _requests = [.. _authorizations.Select(Hpack.Request)];
    }

    public int Count => _requests.Length;

    public byte[] FirstRequest(string authority, string path, int bidder) => Hpack.FirstRequest(authority, path, _authorizations[bidder]);

    public byte[] Request(int bidder) => _requests[bidder];
}
