using Auctions.Core;
using Auctions.Hosting;

namespace AuctionService;

/// <summary>Section <c>Auction</c> of the configuration.</summary>
internal sealed class AuctionOptions : ISectionOptions
{
    public static string Section => "Auction";

    /// <summary>
    /// Named tables of increments, in addition to the built-in <c>ebay-us</c>. Each step is a price and the increment
    /// that applies from this price on, in minor units of the auction's currency: <c>0=5,100=25</c>.
    /// </summary>
    public Dictionary<string, string> IncrementTables { get; } = [];

    /// <summary>
    /// Whether Quartz starts the waves. Without it the guard alone closes auctions, up to a second late.
    /// </summary>
    public bool Waves { get; set; } = true;

    /// <summary>Auctions that are closed together, in one transaction. 1 to 2,000.</summary>
    public int ClosingsMax { get; set; } = 500;

    public IEnumerable<string> Failures()
    {
        if (ClosingsMax is < 1 or > 2_000) yield return $"Auction:ClosingsMax must be 1 to 2000, and is {ClosingsMax}.";
        foreach (var (name, steps) in IncrementTables)
        {
            if (Parse(name, steps) is null)
            {
                yield return $"Auction:IncrementTables:{name} must be steps such as '0=5,100=25': rising prices from 0 "
                    + "on, increments of at least 1, and a name of letters, digits and hyphens. "
                    + $"It is '{steps}'.";
            }
        }
    }

    /// <summary>The table of that name; null if there is none.</summary>
    public Increment? Table(string name) =>
        name == Increment.EbayUs.Name ? Increment.EbayUs
        : IncrementTables.TryGetValue(name, out var steps) ? Parse(name, steps) : null;

    private static Increment? Parse(string name, string steps)
    {
        try
        {
            return Increment.Parse($"ladder:{name}:{steps}");
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
