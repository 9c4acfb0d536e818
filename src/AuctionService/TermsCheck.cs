using Auctions.Core;
using Auctions.Grpc;
using Auctions.Hosting;
using Google.Protobuf.WellKnownTypes;
using V1 = Auctions.V1;

namespace AuctionService;

/// <summary>The rules for what an auction is held under: times, prices, increments, soft close.</summary>
internal static class TermsCheck
{
    public const int ExtensionsMax = 100;
    public static readonly TimeSpan LateStartMax = TimeSpan.FromMinutes(1);
    public static readonly TimeSpan AheadMax = TimeSpan.FromDays(365);
    public static readonly TimeSpan LengthMin = TimeSpan.FromSeconds(1), LengthMax = TimeSpan.FromDays(30);
    public static readonly TimeSpan SoftCloseMin = TimeSpan.FromSeconds(1), SoftCloseMax = TimeSpan.FromHours(1);

    /// <summary>Buy-it-now must be at least 130 % of the opening price: below that there is no room for an auction.</summary>
    private const int BuyNowPercent = 130;

    /// <summary>The terms; null where a violation stands in their way.</summary>
    public static Terms? Terms(V1.Auction asked, string seller, long startUs, AuctionOptions options, Violations found)
    {
        var softClose = SoftClose(asked.SoftClose, found);
        if (!found.Check(Currency.Find(asked.CurrencyCode) is not null, "auction.currency_code", asked.CurrencyCode,
            "must be the ISO 4217 code of a currency that auctions are held in, such as USD")) return null;
        var opening = Amount(asked.OpeningPrice, "auction.opening_price", asked.CurrencyCode, required: true, found);
        var reserve = Amount(asked.ReservePrice, "auction.reserve_price", asked.CurrencyCode, required: false, found);
        var buyNow = Amount(asked.BuyNowPrice, "auction.buy_now_price", asked.CurrencyCode, required: false, found);
        var increment = IncrementOf(asked, options, found);
        CheckPrices(asked, opening, reserve, buyNow, found);
        return increment is null ? null : new Terms(seller, asked.CurrencyCode, opening, reserve, buyNow, increment, softClose, startUs);
    }

    /// <summary>Start and end; a start that is unset, or up to a minute past, is now.</summary>
    public static (long StartUs, long EndUs) Times(V1.Auction asked, long nowUs, Violations found)
    {
        var startUs = nowUs;
        if (Time(asked.StartTime, "auction.start_time", found) is { } start)
        {
            found.Check(start >= nowUs - Us(LateStartMax), "auction.start_time", asked.StartTime, "must not be more than a minute past");
            found.Check(start <= nowUs + Us(AheadMax), "auction.start_time", asked.StartTime, $"must be within {AheadMax.Days} days");
            startUs = Math.Max(start, nowUs);
        }

        const string field = "auction.original_end_time";
        if (asked.OriginalEndTime is null) found.Add(field, null, "must be set");
        if (Time(asked.OriginalEndTime, field, found) is not { } end) return (startUs, 0);
        if (found.Check(end > startUs, field, asked.OriginalEndTime, "must be after the start"))
        {
            found.Check(end - startUs >= Us(LengthMin) && end - startUs <= Us(LengthMax), field, asked.OriginalEndTime,
                $"must be {LengthMin.TotalSeconds:0} second to {LengthMax.Days} days after the start");
        }

        return (startUs, end);
    }

    private static long? Time(Timestamp? time, string field, Violations found)
    {
        if (time is null) return null;
        var us = TimeMap.ToUs(time);
        if (us is null) found.Add(field, $"{time.Seconds} s, {time.Nanos} ns", "must be a time of the years 1 to 9999");
        return us;
    }

    private static SoftClose SoftClose(V1.SoftClose? asked, Violations found)
    {
        if (asked is null) return Auctions.Core.SoftClose.None;
        found.Check(asked.MaxExtensions is >= 0 and <= ExtensionsMax, "auction.soft_close.max_extensions", asked.MaxExtensions,
            $"must be 0 (no soft close) to {ExtensionsMax}");
        if (asked.MaxExtensions == 0) return Auctions.Core.SoftClose.None;
        var window = Within(asked.Window, "auction.soft_close.window", found);
        var extension = Within(asked.Extension, "auction.soft_close.extension", found);
        return new SoftClose(window, extension, asked.MaxExtensions);
    }

    private static long Within(Duration? duration, string field, Violations found)
    {
        var us = duration is null ? null : TimeMap.ToUs(duration);
        found.Check(us >= Us(SoftCloseMin) && us <= Us(SoftCloseMax), field, duration is null ? null : $"{duration.Seconds} s, {duration.Nanos} ns",
            "must be 1 second to 1 hour");
        return us ?? 0;
    }

    private static long Amount(V1.Money? asked, string field, string currency, bool required, Violations found)
    {
        if (asked is null)
        {
            if (required) found.Add(field, null, "must be set");
            return 0;
        }

        if (MoneyMap.ToMinor(asked, field, least: 1, found) is not { } amount) return 0;
        found.Check(amount.Currency == currency, $"{field}.currency_code", amount.Currency, $"must be the auction's currency_code, {currency}");
        return amount.Minor;
    }

    private static Increment? IncrementOf(V1.Auction asked, AuctionOptions options, Violations found)
    {
        const string field = "auction.increment";
        switch (asked.Increment?.RuleCase)
        {
            case V1.IncrementRule.RuleOneofCase.Fixed:
                var amount = Amount(asked.Increment.Fixed, $"{field}.fixed", asked.CurrencyCode, required: true, found);
                return amount > 0 ? new Increment.Fixed(amount) : null;
            case V1.IncrementRule.RuleOneofCase.BasisPoints:
                var points = asked.Increment.BasisPoints;
                return found.Check(points is >= 1 and <= Increment.BasisPoints.Max, $"{field}.basis_points", points, $"must be 1 to {Increment.BasisPoints.Max}")
                    ? new Increment.BasisPoints(points)
                    : null;
            case V1.IncrementRule.RuleOneofCase.Table:
                var table = options.Table(asked.Increment.Table);
                found.Check(table is not null, $"{field}.table", asked.Increment.Table,
                    $"must name a table of the service, such as {Increment.EbayUs.Name}");
                return table;
            default:
                found.Add(field, null, "must be set: fixed, basis_points or table");
                return null;
        }
    }

    /// <summary>How the prices must stand to each other. What is 0 was not given, or was found wrong already.</summary>
    private static void CheckPrices(V1.Auction asked, long opening, long reserve, long buyNow, Violations found)
    {
        if (opening == 0) return;
        if (reserve > 0)
            found.Check(reserve > opening, "auction.reserve_price", Text(asked.ReservePrice), $"must be above the opening price, {Text(asked.OpeningPrice)}");
        if (buyNow == 0) return;
        found.Check((Int128)buyNow * 100 >= (Int128)opening * BuyNowPercent,
            "auction.buy_now_price", Text(asked.BuyNowPrice), $"must be at least {BuyNowPercent} % of the opening price, {Text(asked.OpeningPrice)}");
        if (reserve > 0)
            found.Check(buyNow >= reserve, "auction.buy_now_price", Text(asked.BuyNowPrice), $"must not be below the reserve, {Text(asked.ReservePrice)}");
    }

    private static string Text(V1.Money money) => MoneyMap.Text(money);

    private static long Us(TimeSpan span) => (long)span.TotalMicroseconds;
}
