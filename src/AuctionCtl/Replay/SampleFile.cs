using System.Globalization;
using System.Text;
using Auctions.Core;

namespace Auctions.Ctl.Replay;

/// <summary>
/// Makes up recorded auctions: the same seed gives the same file, on any machine. Closing prices are what the rules make
/// of the bids. The committed sample is one of these; a test writes it again and compares.
/// </summary>
public static class SampleFile
{
    /// <summary>What <c>samples/sample-auctions.csv</c> was made with.</summary>
    public const int CommittedSeed = 20260731, CommittedAuctions = 24, CommittedBids = 400;

    private static readonly string[] Items = ["Camera, 35 mm", "Mantel clock", "12\" record", "Road bicycle", "Fountain pen", "Short-wave radio"];

    /// <param name="bids">At least one an auction.</param>
    public static string Write(int seed, int auctions, int bids)
    {
        var random = new SplitMix((ulong)seed);
        var csv = new StringBuilder("auction_id,item,duration_days,opening_price,closing_price,reserve_price,at_days,bidder,bidder_rating,max_bid\n");
        var shares = Shares(random, auctions, bids);
        for (var i = 0; i < auctions; i++) WriteAuction(csv, random, 9_000_000_001 + i, shares[i]);
        return csv.ToString();
    }

    /// <summary>Some auctions with a single bid, the others with about as many each.</summary>
    private static int[] Shares(SplitMix random, int auctions, int bids)
    {
        var shares = Enumerable.Repeat(1, auctions).ToArray();
        for (var left = bids - auctions; left > 0; left--) shares[random.Below(auctions - auctions / 8)]++;
        return shares;
    }

    private static void WriteAuction(StringBuilder csv, SplitMix random, long id, int count)
    {
        var opening = random.Below(3) == 0 ? 1 : 99 + 50 * (long)random.Below(200);
        var value = opening + 5_00 + random.Below(400_00);
        var reserve = random.Below(5) == 0 ? opening + (value - opening) * 3 / 4 : 0;
        var bids = new List<RecordedBid>();
        for (var i = 0; i < count; i++) bids.Add(new RecordedBid(0, Invariant($"bidder-{1 + random.Below(90):00000}"), Max(random, opening, value, i, count)));

        var item = Items[random.Below(Items.Length)];
        var auction = new RecordedAuction(Invariant($"{id}"), item, opening, reserve, null, bids);
        var closing = ReplayVerdict.Of(auction).Closing is { } cents ? Dollars(cents) : "";
        var days = 3 + 2 * random.Below(4);
        for (var i = 0; i < count; i++)
        {
            // Bids crowd towards the end, as they do.
            var left = 1 - (i + 1m) / (count + 1);
            var at = days * (1 - Math.Round(left * left, 5));
            csv.Append(CultureInfo.InvariantCulture, $"{id},{Quoted(item)},{days},{Dollars(opening)},{closing},{(reserve == 0 ? "" : Dollars(reserve))},")
                .Append(CultureInfo.InvariantCulture, $"{at:0.#####},{bids[i].Bidder},{random.Below(900)},{Dollars(bids[i].Max)}\n");
        }
    }

    /// <summary>A ceiling around what the price may be by then: most raise, some come too low, a few repeat a round sum.</summary>
    private static long Max(SplitMix random, long opening, long value, int i, int count)
    {
        var reached = opening + (value - opening) * (i + 1) / count;
        var max = reached * (70 + random.Below(50)) / 100 + random.Below(2_00);
        return Math.Max(1, random.Below(4) == 0 ? max / 5_00 * 5_00 + 5_00 : max);
    }

    private static string Dollars(long cents) => Invariant($"{Cents.ToDollars(cents):0.00}");

    private static string Quoted(string field) =>
        field.AsSpan().ContainsAny(',', '"') ? $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : field;

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);

    /// <summary>SplitMix64 (Steele, Lea, Flood 2014): written out, so that a runtime's change of Random cannot change the file.</summary>
    private sealed class SplitMix(ulong seed)
    {
        private ulong _state = seed;

        public int Below(int bound)
        {
            _state += 0x9E3779B97F4A7C15;
            var z = _state;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return (int)((z ^ (z >> 31)) % (ulong)bound);
        }
    }
}
