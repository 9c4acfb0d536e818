namespace Auctions.Core;

/// <summary>An ISO 4217 currency: its code, and how many decimals its minor unit has.</summary>
/// <param name="Code">Three capital letters.</param>
/// <param name="Decimals">Digits of the minor unit, 0 to 3 (ISO 4217, table A.1).</param>
public sealed record Currency(string Code, int Decimals)
{
    /// <summary>
    /// The largest amount in minor units. Lua computes with doubles, and doubles are exact up to here.
    /// </summary>
    public const long MaxAmount = (1L << 53) - 1;

    private const int NanosPerUnit = 1_000_000_000;

    private static readonly Dictionary<string, Currency> ByCode = Build();

    /// <summary>Minor units in one whole unit: 100 for USD.</summary>
    public long MinorPerUnit => Decimals switch { 0 => 1, 2 => 100, _ => 1000 };

    /// <summary>The currency with that code; null if auctions do not support it.</summary>
    public static Currency? Find(string code) => ByCode.GetValueOrDefault(code);

    /// <summary>Minor units of an amount in whole units and billionths, as in google.type.Money.</summary>
    /// <returns>
    /// Null if the amount is finer than the minor unit, negative, mixed in sign, or above <see cref="MaxAmount"/>.
    /// </returns>
    public long? ToMinor(long units, int nanos)
    {
        var nanosPerMinor = NanosPerUnit / (int)MinorPerUnit;
        if (units < 0 || nanos < 0 || nanos >= NanosPerUnit || nanos % nanosPerMinor != 0) return null;
        if (units > MaxAmount / MinorPerUnit) return null;
        var minor = units * MinorPerUnit + nanos / nanosPerMinor;
        return minor <= MaxAmount ? minor : null;
    }

    /// <summary>Whole units and billionths of an amount in minor units.</summary>
    public (long Units, int Nanos) FromMinor(long minor) =>
        (minor / MinorPerUnit, (int)(minor % MinorPerUnit) * (NanosPerUnit / (int)MinorPerUnit));

    private static Dictionary<string, Currency> Build()
    {
        var all = new Dictionary<string, Currency>(StringComparer.Ordinal);
        Add(0, "JPY KRW CLP ISK VND XAF XOF XPF UGX PYG");
        Add(2, "USD EUR GBP CHF CAD AUD NZD SEK NOK DKK PLN CZK HUF RON BGN TRY ILS ZAR MXN BRL ARS COP PEN "
            + "INR CNY HKD SGD TWD THB MYR IDR PHP AED SAR QAR EGP MAD NGN KES UAH KZT");
        Add(3, "BHD KWD JOD OMR TND");
        return all;

        void Add(int decimals, string codes)
        {
            foreach (var code in codes.Split(' ')) all.Add(code, new Currency(code, decimals));
        }
    }
}
