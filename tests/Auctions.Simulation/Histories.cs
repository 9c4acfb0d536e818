using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Auctions.Simulation;

/// <summary>Plays seeds, on all cores: each is a world of its own.</summary>
internal static class Histories
{
    public static Played Play(IEnumerable<int> seeds, Guards guards)
    {
        var broken = new ConcurrentDictionary<int, List<string>>();
        int played = 0, answers = 0, entries = 0, refusals = 0;
        Parallel.ForEach(seeds, seed =>
        {
            var world = new World(seed, guards);
            world.Run();
            var found = Checkers.Check(world);
            if (found.Count > 0) broken[seed] = found;
            Interlocked.Increment(ref played);
            Interlocked.Add(ref answers, world.Calls.Count(c => c.Outcome is not null));
            Interlocked.Add(ref entries, world.Ledger.Chains.Values.Sum(c => c.Entries.Count));
            Interlocked.Add(ref refusals, world.Calls.Count(c => c.Outcome is { Accepted: false }));
        });
        return new Played(played, answers, refusals, entries, new SortedDictionary<int, List<string>>(broken));
    }
}

/// <summary>What was played and what was found.</summary>
internal sealed record Played(int Seeds, int Answers, int Refusals, int Entries, SortedDictionary<int, List<string>> Broken)
{
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Seeds} seeds, {Answers} answers ({Refusals} refusals), {Entries} entries, {Broken.Count} seeds broken");
        foreach (var (seed, found) in Broken.Take(10))
            text.Append(CultureInfo.InvariantCulture, $"\n  --seed {seed}: {string.Join("; ", found.Take(4))}");
        return text.ToString();
    }
}
