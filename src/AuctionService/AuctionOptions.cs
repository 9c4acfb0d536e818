using Auctions.Core;
using Auctions.Hosting;

namespace AuctionService;

/// <summary>Section <c>Auction</c> of the configuration.</summary>
internal sealed class AuctionOptions : ISectionOptions
{
    public static string Section => "Auction";

    private static readonly string[] ScriptSchemes = ["javascript", "vbscript", "data", "blob", "file"];

    /// <summary>
    /// Named tables of increments, in addition to the built-in <c>ebay-us</c>. A table is its currency and its steps,
    /// each a price and the increment that applies from this price on, in minor units: <c>USD:0=5,100=25</c>. Auctions
    /// in another currency cannot use it.
    /// </summary>
    public Dictionary<string, string> IncrementTables { get; } = [];

    /// <summary>The schemes that a URL of a picture may have, separated by blanks.</summary>
    public string MediaSchemes { get; set; } = Uri.UriSchemeHttps;

    /// <summary>
    /// Whether Quartz starts the waves. Without it the guard alone closes auctions, up to a second late.
    /// </summary>
    public bool Waves { get; set; } = true;

    /// <summary>Auctions that are closed together, in one transaction. 1 to 2,000.</summary>
    public int ClosingsMax { get; set; } = 500;

    public IEnumerable<string> Failures()
    {
        if (ClosingsMax is < 1 or > 2_000) yield return $"Auction:ClosingsMax must be 1 to 2000, and is {ClosingsMax}.";
        foreach (var scheme in MediaSchemeList().DefaultIfEmpty(""))
        {
            if (!Uri.CheckSchemeName(scheme) || ScriptSchemes.Contains(scheme))
            {
                yield return "Auction:MediaSchemes must be schemes such as 'https', separated by blanks, and none that "
                    + $"runs a script or names a local file. It has '{scheme}'.";
            }
        }

        foreach (var (name, text) in IncrementTables)
        {
            if (name == Increment.EbayUs.Name) yield return $"Auction:IncrementTables:{name} is built in.";
            if (Parse(name, text) is null)
            {
                yield return $"Auction:IncrementTables:{name} must be a currency and steps such as 'USD:0=5,100=25': "
                    + "rising prices from 0 on, increments of at least 1, and a name of letters, digits and hyphens. "
                    + $"It is '{text}'.";
            }
        }
    }

    /// <summary>In lower case.</summary>
    public string[] MediaSchemeList() =>
        MediaSchemes.ToLowerInvariant().Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>The table of that name; null if there is none.</summary>
    public IncrementTable? Table(string name) =>
        name == Increment.EbayUs.Name ? new IncrementTable("USD", Increment.EbayUs)
        : IncrementTables.TryGetValue(name, out var text) ? Parse(name, text) : null;

    private static IncrementTable? Parse(string name, string text)
    {
        if (text.Split(':') is not [var currency, var steps] || Currency.Find(currency) is null) return null;
        try
        {
            return new IncrementTable(currency, Increment.Parse($"ladder:{name}:{steps}"));
        }
        catch (FormatException)
        {
            return null;
        }
    }
}

/// <summary>A named table of increments.</summary>
/// <param name="Currency">The currency of its prices and increments.</param>
internal sealed record IncrementTable(string Currency, Increment Increment);
