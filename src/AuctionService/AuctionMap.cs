using Auctions.Core;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.Ledger;
using V1 = Auctions.V1;

namespace AuctionService;

/// <summary>Auctions and bids in the contract's words, as much of them as the caller may see.</summary>
internal static class AuctionMap
{
    public static V1.Auction Auction(AuctionRow row, Caller caller)
    {
        var (terms, state) = (row.Head.Terms, row.Head.State);
        var auction = new V1.Auction
        {
            AuctionId = row.Id.ToString(),
            SellerId = terms.SellerId,
            Title = row.Title,
            Description = row.Description,
            MediaUrls = { row.MediaUrls },
            Category = row.Category,
            PostId = row.PostId,
            CurrencyCode = terms.Currency,
            OpeningPrice = MoneyMap.FromMinor(terms.Opening, terms.Currency),
            HasReserve = terms.Reserve > 0,
            Increment = StateMap.Increment(terms.Increment, terms.Currency),
            SoftClose = StateMap.SoftClose(terms.SoftClose),
            StartTime = TimeMap.FromUs(terms.StartUs),
            OriginalEndTime = TimeMap.FromUs(row.OriginalEndUs),
            CreateTime = TimeMap.FromUs(row.CreatedUs),
            State = StateMap.State(terms, state, row.Head.Version),
            WinnerId = row.Winner,
            EndReason = StateMap.EndReason(row.EndReason),
        };
        if (terms.Reserve > 0 && caller.Subject == terms.SellerId) auction.ReservePrice = MoneyMap.FromMinor(terms.Reserve, terms.Currency);
        if (Rules.BuyNowAvailable(terms, state)) auction.BuyNowPrice = MoneyMap.FromMinor(terms.BuyNow, terms.Currency);
        return auction;
    }

    public static V1.Bid Bid(LedgerBid bid, Guid auctionId, string currency) => new()
    {
        BidId = bid.Id.ToString(),
        AuctionId = auctionId.ToString(),
        Version = bid.Version,
        BidderId = bid.Bidder,
        Kind = StateMap.Kind(bid.Kind),
        Amount = MoneyMap.FromMinor(bid.Offered, currency),
        PriceAfter = MoneyMap.FromMinor(bid.PriceAfter, currency),
        LeaderAfter = bid.LeaderAfter,
        DecidedAt = TimeMap.FromUs(bid.DecidedUs),
    };
}
