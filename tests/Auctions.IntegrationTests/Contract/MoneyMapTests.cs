using Auctions.Grpc;
using Auctions.V1;
using Google.Rpc;
using Grpc.Core;
using Currency = Auctions.Core.Currency;

namespace Auctions.IntegrationTests.Contract;

public sealed class MoneyMapTests
{
    [Theory]
    [InlineData("USD", 12, 340_000_000, 1234)]
    [InlineData("JPY", 12, 0, 12)]
    [InlineData("KWD", 12, 345_000_000, 12345)]
    [InlineData("USD", 0, 0, 0)]
    [InlineData("USD", 90_071_992_547_409, 910_000_000, Currency.MaxAmount)]
    public void An_amount_becomes_minor_units_and_back(string currency, long units, int nanos, long minor)
    {
        var money = new Money { CurrencyCode = currency, Units = units, Nanos = nanos };
        Assert.Equal((currency, minor), MoneyMap.ToMinor(money, "amount"));
        Assert.Equal(money, MoneyMap.FromMinor(minor, currency));
    }

    [Theory]
    [InlineData("usd", 1, 0, "amount.currency_code",
        "must be the ISO 4217 code of a currency with a minor unit, such as USD; it is 'usd'")]
    [InlineData("", 1, 0, "amount.currency_code",
        "must be the ISO 4217 code of a currency with a minor unit, such as USD; it is ''")]
    [InlineData("USD", 1, 5_000_000, "amount.nanos",
        "must be whole minor units of USD, which has 2 decimals: a multiple of 10000000; it is 5000000")]
    [InlineData("JPY", 1, 500_000_000, "amount.nanos",
        "must be whole minor units of JPY, which has 0 decimals: a multiple of 1000000000; it is 500000000")]
    [InlineData("USD", -1, 0, "amount", "must not be negative; it is '-1 USD'")]
    [InlineData("USD", 0, -10_000_000, "amount", "must not be negative; it is '-0.01 USD'")]
    [InlineData("USD", 1, -10_000_000, "amount.nanos", "must have the same sign as units; it is -10000000")]
    [InlineData("USD", 0, 1_000_000_000, "amount.nanos", "must be within -999999999 and 999999999; it is 1000000000")]
    [InlineData("USD", 0, int.MinValue, "amount.nanos", "must be within -999999999 and 999999999; it is -2147483648")]
    [InlineData("USD", 90_071_992_547_409, 920_000_000, "amount",
        "must be at most 90071992547409.91 USD, which is 2^53 - 1 minor units; it is '90071992547409.92 USD'")]
    [InlineData("USD", long.MaxValue, 0, "amount",
        "must be at most 90071992547409.91 USD, which is 2^53 - 1 minor units; it is '9223372036854775807 USD'")]
    [InlineData("USD", long.MinValue, -999_999_999, "amount",
        "must not be negative; it is '-9223372036854775808.999999999 USD'")]
    [InlineData("USD", 0, 0, "amount", "must be at least 0.01 USD; it is '0 USD'")]
    public void An_amount_that_breaks_a_rule_is_refused_with_field_rule_and_value(
        string currency, long units, int nanos, string field, string description)
    {
        var money = new Money { CurrencyCode = currency, Units = units, Nanos = nanos };
        var e = Assert.Throws<RpcException>(() => MoneyMap.ToMinor(money, "amount", least: 1));
        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        var violation = Assert.Single(RpcErrors.Detail<BadRequest>(e)!.FieldViolations);
        Assert.Equal((field, description), (violation.Field, violation.Description));
    }
}
