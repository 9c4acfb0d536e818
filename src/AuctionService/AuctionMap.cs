using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Auctions.Core;
using Auctions.Grpc;
using Auctions.Ledger;
using V1 = Auctions.V1;

namespace AuctionService;

/// <summary>Maps auctions and bids to the contract, without what the caller may not see.</summary>
internal static class AuctionMap
{
    private const int EtagBytes = 12;

    public static V1.Auction Auction(AuctionRow row, Caller caller)
    {
        if (row.Fault is { } fault) return Unreadable(row, fault);
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
            ClosingReason = row.CancelReason,
            Etag = Etag(row),
        };
        if (terms.Reserve > 0 && caller.Subject == terms.SellerId)
            auction.ReservePrice = MoneyMap.FromMinor(terms.Reserve, terms.Currency);
        if (Rules.BuyNowAvailable(terms, state))
            auction.BuyNowPrice = MoneyMap.FromMinor(terms.BuyNow, terms.Currency);
        return auction;
    }

    /// <summary>
    /// What can be read of a row that cannot be read as a whole. Amounts need the currency, and are shown without it in
    /// no form. The texts, the times and the end are shown, and so is the rule that is broken.
    /// </summary>
    private static V1.Auction Unreadable(AuctionRow row, UnreadableAuctionException fault)
    {
        var (fields, state) = (row.Stored.TermsLine.Split(' '), row.Stored.State);
        var currency = fields.Length > 1 ? Currency.Find(fields[1]) : null;
        var status = Enum.GetValues<AuctionStatus>().Where(s => EnumText.Of(s) == state.Status).Select(StateMap.Status);
        return new V1.Auction
        {
            AuctionId = row.Id.ToString(),
            SellerId = fields[0],
            Title = row.Title,
            Description = row.Description,
            MediaUrls = { row.MediaUrls },
            Category = row.Category,
            PostId = row.PostId,
            CurrencyCode = currency?.Code ?? "",
            OriginalEndTime = TimeMap.FromUsOrNull(row.OriginalEndUs),
            CreateTime = TimeMap.FromUsOrNull(row.CreatedUs),
            State = new V1.AuctionState
            {
                Version = row.Stored.Version,
                Status = status.SingleOrDefault(),
                CurrentPrice = currency is null || state.Price is < 1 or > Currency.MaxAmount
                    ? null
                    : MoneyMap.FromMinor(state.Price, currency.Code),
                LeaderId = state.Leader,
                BidCount = state.BidCount,
                EndTime = TimeMap.FromUsOrNull(state.EndUs),
                ExtensionsUsed = state.Extensions,
                ReserveMet = row.ReserveMet,
            },
            WinnerId = row.Winner,
            EndReason = StateMap.EndReason(row.EndReason),
            ClosingReason = row.CancelReason,
            Fault = fault.Rule,
        };
    }

    /// <summary>
    /// Changes with the status and with the fields that the seller can write. A bid does not change it, unless the bid
    /// starts a scheduled auction, which changes the status.
    /// </summary>
    private static string Etag(AuctionRow row)
    {
        string[] fields =
        [
            EnumText.Of(row.Head.State.Status), row.Title, row.Description, row.Category, row.PostId,
            row.Head.Terms.Line, row.OriginalEndUs.ToString(CultureInfo.InvariantCulture), .. row.MediaUrls,
        ];

        // The lengths separate the fields: different fields never give the same text.
        var text = string.Concat(fields.Select(
            field => string.Create(CultureInfo.InvariantCulture, $"{field.Length}:{field}")));
        return Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, EtagBytes));
    }

    public static V1.Bid Bid(LedgerEntry entry, Guid auctionId, string currency) => new()
    {
        BidId = entry.Id.ToString(),
        AuctionId = auctionId.ToString(),
        Version = entry.Version,
        BidderId = entry.Bid!.Bidder,
        Kind = StateMap.Kind(entry.Bid.Kind),
        Amount = MoneyMap.FromMinor(entry.Offered, currency),
        PriceAfter = MoneyMap.FromMinor(entry.After.Price, currency),
        LeaderAfter = entry.After.Leader,
        DecideTime = TimeMap.FromUs(entry.DecidedUs),
    };
}
