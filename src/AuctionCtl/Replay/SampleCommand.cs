using System.CommandLine;
using System.Globalization;
using CsvHelper;

namespace Auctions.Ctl.Replay;

/// <summary><c>sample</c>: generates a file for <c>replay</c>.</summary>
public static class SampleCommand
{
    public static Command Create()
    {
        var seed = new Option<int>("--seed")
        {
            Description = "The same seed gives the same file",
            DefaultValueFactory = _ => SampleFile.CommittedSeed,
        };
        var auctions = new Option<int>("--auctions")
        {
            Description = "How many auctions",
            DefaultValueFactory = _ => SampleFile.CommittedAuctions,
        };
        var bids = new Option<int>("--bids")
        {
            Description = "How many bids in total, at least one for each auction",
            DefaultValueFactory = _ => SampleFile.CommittedBids,
        };
        var command = new Command("sample", "Generates a file for replay. The rules decide its closing prices.")
            { seed, auctions, bids };
        command.SetAction(parse =>
        {
            var (count, total) = (parse.GetValue(auctions), parse.GetValue(bids));
            if (count < 1 || total < count)
                throw new CommandException("--auctions must be at least 1, and --bids at least as many.");
            Console.Out.Write(SampleFile.Write(parse.GetValue(seed), count, total));
            return ExitCode.Clean;
        });
        return command;
    }
}

/// <summary>
/// Generates recorded auctions: the same seed gives the same file, on any machine. The rules decide the closing prices.
/// The committed sample is such a file; a test generates it again and compares.
/// </summary>
public static class SampleFile
{
    /// <summary>The arguments that gave <c>samples/sample-auctions.csv</c>.</summary>
    public const int CommittedSeed = 20260731, CommittedAuctions = 24, CommittedBids = 400;

    private static readonly string[] Items =
        ["Camera, 35 mm", "Mantel clock", "12\" record", "Road bicycle", "Fountain pen", "Short-wave radio"];

    /// <param name="bids">The total, at least <paramref name="auctions"/>.</param>
    public static string Write(int seed, int auctions, int bids)
    {
        var random = new SplitMix((ulong)seed);
        using var text = new StringWriter();
        using (var csv = CsvWriter.Create(text, new CsvWriterOptions { NewLine = "\n" }))
        {
            csv.WriteRecord(
                "auction_id", "item", "duration_days", "opening_price", "closing_price", "reserve_price", "at_days",
                "bidder", "bidder_rating", "max_bid");
            var bidCounts = BidCounts(random, auctions, bids);
            for (var i = 0; i < auctions; i++) WriteAuction(csv, random, 9_000_000_001 + i, bidCounts[i]);
        }

        return text.ToString();
    }

    /// <summary>The number of bids of each auction: one for an eighth of them, about the same for the others.</summary>
    private static int[] BidCounts(SplitMix random, int auctions, int bids)
    {
        var counts = Enumerable.Repeat(1, auctions).ToArray();
        for (var left = bids - auctions; left > 0; left--) counts[random.Below(auctions - auctions / 8)]++;
        return counts;
    }

    private static void WriteAuction(CsvWriter csv, SplitMix random, long id, int count)
    {
        var opening = random.Below(3) == 0 ? 1 : 99 + 50 * (long)random.Below(200);
        var value = opening + 5_00 + random.Below(400_00);
        var reserve = random.Below(5) == 0 ? opening + (value - opening) * 3 / 4 : 0;
        var bids = new List<RecordedBid>();
        for (var i = 0; i < count; i++)
            bids.Add(new RecordedBid(0, $"bidder-{1 + random.Below(90):00000}", Max(random, opening, value, i, count)));

        var auction = new RecordedAuction($"{id}", Items[random.Below(Items.Length)], opening, reserve, null, bids);
        var closing = ExpectedResult.Of(auction).Closing;
        var days = 3 + 2 * random.Below(4);
        for (var i = 0; i < count; i++)
        {
            // As in real auctions, most bids come near the end.
            var left = 1 - (i + 1m) / (count + 1);
            var at = days * (1 - Math.Round(left * left, 5));
            csv.WriteRecord(
                auction.Id, auction.Item, $"{days}", Dollars(opening), closing is { } cents ? Dollars(cents) : "",
                reserve == 0 ? "" : Dollars(reserve), at.ToString("0.#####", CultureInfo.InvariantCulture),
                bids[i].Bidder, $"{random.Below(900)}", Dollars(bids[i].Max));
        }
    }

    /// <summary>A ceiling near the expected price: most raise it, some are too low, a few are round amounts.</summary>
    private static long Max(SplitMix random, long opening, long value, int i, int count)
    {
        var reached = opening + (value - opening) * (i + 1) / count;
        var max = reached * (70 + random.Below(50)) / 100 + random.Below(2_00);
        return Math.Max(1, random.Below(4) == 0 ? max / 5_00 * 5_00 + 5_00 : max);
    }

    private static string Dollars(long cents) => Cents.ToDollars(cents).ToString("0.00", CultureInfo.InvariantCulture);

    /// <summary>SplitMix64 (Steele, Lea, Flood 2014). <see cref="Random"/> may change with the runtime.</summary>
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
