using System.Globalization;
using Auctions.Core;
using Auctions.V1;
using Grpc.Core;

namespace Auctions.Grpc;

/// <summary>The contract's Money to minor units of a currency and back.</summary>
public static class MoneyMap
{
    private const int NanosPerUnit = 1_000_000_000;

    /// <summary>The currency and the minor units of a request's amount.</summary>
    /// <param name="field">The path of the amount in the request, for the error.</param>
    /// <param name="least">The least amount allowed, in minor units.</param>
    /// <exception cref="RpcException">INVALID_ARGUMENT with the part of the amount that breaks a rule.</exception>
    public static (string Currency, long Minor) ToMinor(Money money, string field, long least = 0)
    {
        var violations = new Violations();
        var amount = ToMinor(money, field, least, violations);
        violations.ThrowIfAny();
        return amount!.Value;
    }

    /// <summary>The same, as one of several checks.</summary>
    /// <returns>Null if a violation was added.</returns>
    public static (string Currency, long Minor)? ToMinor(Money money, string field, long least, Violations violations)
    {
        if (Currency.Find(money.CurrencyCode) is not { } currency)
        {
            violations.Add($"{field}.currency_code", money.CurrencyCode,
                "must be the ISO 4217 code of a currency with a minor unit, such as USD");
            return null;
        }

        if (currency.ToMinor(money.Units, money.Nanos) is { } minor)
        {
            return violations.Check(minor >= least, field, Text(money), $"must be at least {Text(currency, least)}")
                ? (currency.Code, minor)
                : null;
        }

        AddViolation(money, currency, field, violations);
        return null;
    }

    public static Money FromMinor(long minor, string currencyCode)
    {
        var currency = Currency.Find(currencyCode)
            ?? throw new ArgumentException($"'{currencyCode}' is not a currency.", nameof(currencyCode));
        var (units, nanos) = currency.FromMinor(minor);
        return new Money { CurrencyCode = currencyCode, Units = units, Nanos = nanos };
    }

    /// <summary>Adds the first rule that the amount breaks.</summary>
    private static void AddViolation(Money money, Currency currency, string field, Violations violations)
    {
        var finest = NanosPerUnit / (int)currency.MinorPerUnit;
        if (money.Nanos is <= -NanosPerUnit or >= NanosPerUnit)
            violations.Add($"{field}.nanos", money.Nanos, "must be within -999999999 and 999999999");
        else if (Math.Sign(money.Units) * Math.Sign(money.Nanos) < 0)
            violations.Add($"{field}.nanos", money.Nanos, "must have the same sign as units");
        else if (money.Units < 0 || money.Nanos < 0)
            violations.Add(field, Text(money), "must not be negative");
        else if (money.Nanos % finest != 0)
            violations.Add($"{field}.nanos", money.Nanos,
                $"must be whole minor units of {currency.Code}, which has {currency.Decimals} decimals: "
                + $"a multiple of {finest}");
        else
            violations.Add(field, Text(money),
                $"must be at most {Text(currency, Currency.MaxAmount)}, which is 2^53 - 1 minor units");
    }

    /// <summary>An amount as people write it: <c>12.5 USD</c>.</summary>
    public static string Text(Money money)
    {
        var sign = money.Units < 0 || money.Nanos < 0 ? "-" : "";
        var units = Math.Abs((decimal)money.Units);
        var fraction = money.Nanos == 0 ? "" : "." + $"{Math.Abs((long)money.Nanos):d9}".TrimEnd('0');
        return string.Create(CultureInfo.InvariantCulture, $"{sign}{units}{fraction} {money.CurrencyCode}");
    }

    private static string Text(Currency currency, long minor) => Text(FromMinor(minor, currency.Code));
}
