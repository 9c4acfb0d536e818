using System.Security.Cryptography;
using Auctions.Core;
using Auctions.Grpc;
using Auctions.Ledger;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Options;
using V1 = Auctions.V1;

namespace AuctionService;

/// <summary>
/// Checks a request for an auction and makes the new auction of it. All violations are collected, so that the seller
/// sees them at once. Writes nothing.
/// </summary>
internal sealed class AuctionCheck(IOptions<AuctionOptions> options)
{
    /// <summary>
    /// A digest of the fields that the seller decides: the same idempotency key with another digest is another request.
    /// </summary>
    public static string Digest(V1.Auction requested)
    {
        var decidedBySeller = new V1.Auction
        {
            Title = requested.Title,
            Description = requested.Description,
            MediaUrls = { requested.MediaUrls },
            Category = requested.Category,
            PostId = requested.PostId,
            CurrencyCode = requested.CurrencyCode,
            OpeningPrice = requested.OpeningPrice,
            ReservePrice = requested.ReservePrice,
            BuyNowPrice = requested.BuyNowPrice,
            Increment = requested.Increment,
            SoftClose = requested.SoftClose,
            StartTime = requested.StartTime,
            OriginalEndTime = requested.OriginalEndTime,
        };
        return Convert.ToHexStringLower(SHA256.HashData(decidedBySeller.ToByteArray()));
    }

    /// <param name="key">The seller's idempotency key.</param>
    /// <param name="nowUs">Microseconds since 1970.</param>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT with each field that breaks a rule.</exception>
    public NewAuction Check(V1.Auction requested, string seller, Guid key, long nowUs)
    {
        var violations = new Violations();
        var mediaUrls = TextCheck.Check(requested, options.Value.MediaSchemeList(), violations);
        var (startUs, endUs) = TermsCheck.Times(requested, nowUs, violations);
        var terms = TermsCheck.Terms(requested, seller, startUs, options.Value, violations);
        violations.ThrowIfAny();
        return new NewAuction(
            Guid.CreateVersion7(), key, Digest(requested), requested.Title, requested.Description,
            mediaUrls, requested.Category, requested.PostId, terms!, endUs, StartsAtOnce: startUs == nowUs);
    }
}

/// <summary>The rules for the terms of an auction: times, prices, increments, soft close.</summary>
internal static class TermsCheck
{
    private const int ExtensionsMax = 100;

    /// <summary>
    /// Buy-it-now must be at least 130 % of the opening price: below that, bidding would make no difference.
    /// </summary>
    private const int BuyNowPercent = 130;

    private static readonly TimeSpan LateStartMax = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan AheadMax = TimeSpan.FromDays(365);
    private static readonly TimeSpan LengthMin = TimeSpan.FromSeconds(1), LengthMax = TimeSpan.FromDays(30);
    private static readonly TimeSpan SoftCloseMin = TimeSpan.FromSeconds(1), SoftCloseMax = TimeSpan.FromHours(1);

    /// <summary>The terms; null if a violation makes them impossible.</summary>
    public static Terms? Terms(
        V1.Auction requested, string seller, long startUs, AuctionOptions options, Violations violations)
    {
        var softClose = SoftClose(requested.SoftClose, violations);
        var currency = requested.CurrencyCode;
        if (Currency.Find(currency) is not { Withdrawn: false } known)
        {
            violations.Add("auction.currency_code", currency, Currency.Find(currency) is null
                ? "must be the ISO 4217 code of a currency with a minor unit, such as USD"
                : "must be a currency that ISO 4217 has not withdrawn");
            return null;
        }

        var opening = Amount(requested.OpeningPrice, "auction.opening_price", currency, required: true, violations);
        var reserve = Amount(requested.ReservePrice, "auction.reserve_price", currency, required: false, violations);
        var buyNow = Amount(requested.BuyNowPrice, "auction.buy_now_price", currency, required: false, violations);
        var increment = IncrementOf(requested, known.Code, options, violations);
        CheckPrices(requested, opening, reserve, buyNow, violations);
        return increment is null
            ? null
            : new Terms(seller, currency, opening, reserve, buyNow, increment, softClose, startUs);
    }

    /// <summary>
    /// Start and end in microseconds since 1970. A start that is not set, or up to a minute in the past, means now.
    /// </summary>
    public static (long StartUs, long EndUs) Times(V1.Auction requested, long nowUs, Violations violations)
    {
        const string startField = "auction.start_time", endField = "auction.original_end_time";
        var startUs = nowUs;
        if (Time(requested.StartTime, startField, violations) is { } start)
        {
            violations.Check(start >= nowUs - Us(LateStartMax), startField, requested.StartTime,
                "must not be more than a minute past");
            violations.Check(start <= nowUs + Us(AheadMax), startField, requested.StartTime,
                $"must be within {AheadMax.Days} days");
            startUs = Math.Max(start, nowUs);
        }

        if (requested.OriginalEndTime is null) violations.Add(endField, null, "must be set");
        if (Time(requested.OriginalEndTime, endField, violations) is not { } end) return (startUs, 0);
        if (violations.Check(end > startUs, endField, requested.OriginalEndTime, "must be after the start"))
        {
            violations.Check(end - startUs >= Us(LengthMin) && end - startUs <= Us(LengthMax),
                endField, requested.OriginalEndTime,
                $"must be {LengthMin.TotalSeconds:0} second to {LengthMax.Days} days after the start");
        }

        return (startUs, end);
    }

    private static long? Time(Timestamp? time, string field, Violations violations)
    {
        if (time is null) return null;
        var us = TimeMap.ToUs(time);
        if (us is null)
            violations.Add(field, $"{time.Seconds} s, {time.Nanos} ns", "must be a time of the years 1 to 9999");
        return us;
    }

    private static SoftClose SoftClose(V1.SoftClose? requested, Violations violations)
    {
        if (requested is null) return Auctions.Core.SoftClose.None;
        violations.Check(requested.MaxExtensions is >= 0 and <= ExtensionsMax,
            "auction.soft_close.max_extensions", requested.MaxExtensions,
            $"must be 0 (no soft close) to {ExtensionsMax}");
        if (requested.MaxExtensions == 0) return Auctions.Core.SoftClose.None;
        var window = SoftCloseTime(requested.Window, "auction.soft_close.window", violations);
        var extension = SoftCloseTime(requested.Extension, "auction.soft_close.extension", violations);
        return new SoftClose(window, extension, requested.MaxExtensions);
    }

    private static long SoftCloseTime(Duration? duration, string field, Violations violations)
    {
        var us = duration is null ? null : TimeMap.ToUs(duration);
        violations.Check(us >= Us(SoftCloseMin) && us <= Us(SoftCloseMax),
            field, duration is null ? null : $"{duration.Seconds} s, {duration.Nanos} ns",
            "must be 1 second to 1 hour");
        return us ?? 0;
    }

    /// <summary>The amount in minor units; 0 if it is not set or invalid.</summary>
    private static long Amount(
        V1.Money? requested, string field, string currency, bool required, Violations violations)
    {
        if (requested is null)
        {
            if (required) violations.Add(field, null, "must be set");
            return 0;
        }

        if (MoneyMap.ToMinor(requested, field, least: 1, violations) is not { } amount) return 0;
        violations.Check(amount.Currency == currency,
            $"{field}.currency_code", amount.Currency, $"must be the auction's currency_code, {currency}");
        return amount.Minor;
    }

    private static Increment? IncrementOf(
        V1.Auction requested, string currency, AuctionOptions options, Violations violations)
    {
        const string field = "auction.increment";
        switch (requested.Increment?.RuleCase)
        {
            case V1.IncrementRule.RuleOneofCase.Fixed:
                var amount = Amount(
                    requested.Increment.Fixed, $"{field}.fixed", currency, required: true, violations);
                return amount > 0 ? new Increment.Fixed(amount) : null;
            case V1.IncrementRule.RuleOneofCase.BasisPoints:
                var points = requested.Increment.BasisPoints;
                return violations.Check(points is >= 1 and <= Increment.BasisPoints.Max,
                        $"{field}.basis_points", points, $"must be 1 to {Increment.BasisPoints.Max}")
                    ? new Increment.BasisPoints(points)
                    : null;
            case V1.IncrementRule.RuleOneofCase.Table:
                var table = options.Table(requested.Increment.Table);
                violations.Check(table is not null, $"{field}.table", requested.Increment.Table,
                    $"must name a table of the service, such as {Increment.EbayUs.Name}");
                if (table is not null)
                {
                    violations.Check(table.Currency == currency, $"{field}.table", requested.Increment.Table,
                        $"must be a table of the auction's currency, {currency}, not of {table.Currency}");
                }

                return table?.Increment;
            default:
                violations.Add(field, null, "must be set: fixed, basis_points or table");
                return null;
        }
    }

    /// <summary>The order of the prices. A price of 0 was not given, or is already known to be invalid.</summary>
    private static void CheckPrices(
        V1.Auction requested, long opening, long reserve, long buyNow, Violations violations)
    {
        if (opening == 0) return;
        if (reserve > 0)
        {
            violations.Check(reserve > opening, "auction.reserve_price", Text(requested.ReservePrice),
                $"must be above the opening price, {Text(requested.OpeningPrice)}");
        }

        if (buyNow == 0) return;
        violations.Check((Int128)buyNow * 100 >= (Int128)opening * BuyNowPercent,
            "auction.buy_now_price", Text(requested.BuyNowPrice),
            $"must be at least {BuyNowPercent} % of the opening price, {Text(requested.OpeningPrice)}");
        if (reserve > 0)
        {
            violations.Check(buyNow >= reserve, "auction.buy_now_price", Text(requested.BuyNowPrice),
                $"must not be below the reserve, {Text(requested.ReservePrice)}");
        }
    }

    private static string Text(V1.Money money) => MoneyMap.Text(money);

    private static long Us(TimeSpan span) => (long)span.TotalMicroseconds;
}
