namespace Auctions.Core;

/// <summary>An ISO 4217 currency: its code, and how many decimals its minor unit has.</summary>
/// <param name="Code">Three capital letters.</param>
/// <param name="Decimals">Digits of the minor unit, 0 to 4 (ISO 4217, list one).</param>
/// <param name="Withdrawn">
/// No new auction is held in it. Auctions that were created earlier stay readable and take bids.
/// </param>
public sealed record Currency(string Code, int Decimals, bool Withdrawn)
{
    /// <summary>
    /// The date of the list: ISO 4217 as of amendment 180, which withdrew BGN. A later list is a change of
    /// <see cref="Build"/> and of <c>is_currency</c> in Postgres; a test compares the two.
    /// </summary>
    public const string ListDate = "2026-01-01";

    /// <summary>
    /// The largest amount in minor units. Lua computes with doubles, and doubles are exact up to here.
    /// </summary>
    public const long MaxAmount = (1L << 53) - 1;

    private const int NanosPerUnit = 1_000_000_000;

    private static readonly Dictionary<string, Currency> ByCode = Build();

    /// <summary>Minor units in one whole unit: 100 for USD.</summary>
    public long MinorPerUnit => Decimals switch { 0 => 1, 2 => 100, 3 => 1_000, _ => 10_000 };

    /// <summary>Every currency, withdrawn ones too.</summary>
    public static IReadOnlyCollection<Currency> All => ByCode.Values;

    /// <summary>The currency with that code, even if it was withdrawn; null if there is none.</summary>
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

    /// <summary>
    /// The codes of list one with a numeric minor unit. Codes without one ("N.A.": gold, testing, no currency) are left
    /// out. Withdrawn codes had two decimals each.
    /// </summary>
    private static Dictionary<string, Currency> Build()
    {
        var all = new Dictionary<string, Currency>(StringComparer.Ordinal);
        Add(0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF");
        Add(2, "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE "
            + "CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD "
            + "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK "
            + "MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD "
            + "RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH "
            + "USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG");
        Add(3, "BHD IQD JOD KWD LYD OMR TND");
        Add(4, "CLF UYW");
        Add(2, "ANG BGN CUC HRK SLL ZWL", withdrawn: true);
        return all;

        void Add(int decimals, string codes, bool withdrawn = false)
        {
            foreach (var code in codes.Split(' ')) all.Add(code, new Currency(code, decimals, withdrawn));
        }
    }
}
