using System.Security.Cryptography;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.Ledger;
using Google.Protobuf;
using Microsoft.Extensions.Options;
using V1 = Auctions.V1;

namespace AuctionService;

/// <summary>Makes an auction of a request, or says all that is wrong with it. Touches nothing.</summary>
internal sealed class AuctionCheck(IOptions<AuctionOptions> options)
{
    /// <summary>What the seller asks for, in the fields that the seller decides: the same key with another digest is another request.</summary>
    public static string Digest(V1.Auction asked)
    {
        var own = new V1.Auction
        {
            Title = asked.Title,
            Description = asked.Description,
            MediaUrls = { asked.MediaUrls },
            Category = asked.Category,
            PostId = asked.PostId,
            CurrencyCode = asked.CurrencyCode,
            OpeningPrice = asked.OpeningPrice,
            ReservePrice = asked.ReservePrice,
            BuyNowPrice = asked.BuyNowPrice,
            Increment = asked.Increment,
            SoftClose = asked.SoftClose,
            StartTime = asked.StartTime,
            OriginalEndTime = asked.OriginalEndTime,
        };
        return Convert.ToHexStringLower(SHA256.HashData(own.ToByteArray()));
    }

    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT with each field that breaks a rule.</exception>
    public NewAuction Check(V1.Auction asked, string seller, Guid key, long nowUs)
    {
        var found = new Violations();
        TextCheck.Check(asked, found);
        var (startUs, endUs) = TermsCheck.Times(asked, nowUs, found);
        var terms = TermsCheck.Terms(asked, seller, startUs, options.Value, found);
        found.ThrowIfAny();
        return new NewAuction(Guid.CreateVersion7(), key, Digest(asked), asked.Title, asked.Description, [.. asked.MediaUrls],
            asked.Category, asked.PostId, terms!, endUs, nowUs);
    }
}
