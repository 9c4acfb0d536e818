using System.Collections.Concurrent;
using System.CommandLine;
using System.Globalization;
using System.Text;

namespace Auctions.Simulation;

/// <summary>Plays random histories from the command line; the same histories run as tests.</summary>
internal static class Program
{
    public static int Main(string[] args)
    {
        var seed = new Option<int?>("--seed") { Description = "Play only this seed and print what it finds." };
        var seeds = new Option<int>("--seeds")
        {
            Description = "How many seeds to play, starting at 0.",
            DefaultValueFactory = _ => 1_000,
        };
        var without = new Option<Guards>("--without")
        {
            Description = "A guard to take out, to see which promise it keeps.",
            DefaultValueFactory = _ => Guards.None,
        };
        var root = new RootCommand("Plays random histories of the bid path, with faults, and checks the promises.")
        {
            seed, seeds, without,
        };
        root.SetAction(parsed =>
        {
            var guards = Guards.All & ~parsed.GetValue(without);
            var range = parsed.GetValue(seed) is { } one
                ? Enumerable.Range(one, 1)
                : Enumerable.Range(0, parsed.GetValue(seeds));
            var total = Histories.Play(range, guards);
            Console.WriteLine(total);
            return total.Broken.Count == 0 ? 0 : 1;
        });
        return root.Parse(args).Invoke();
    }
}

/// <summary>
/// The checks that keep the promises. docs/invariants.md says which test turns red without each of them.
/// </summary>
[Flags]
internal enum Guards
{
    None = 0,
    /// <summary>The ledger takes an entry only on top of the entry that it was decided on.</summary>
    Predecessor = 1,
    /// <summary>An appended entry moves the head.</summary>
    HeadMoves = 2,
    /// <summary>The state that an entry was decided on must be the state in the ledger.</summary>
    Before = 4,
    /// <summary>
    /// A rejection was decided on the head, or every later entry was decided no earlier than the rejection.
    /// </summary>
    RejectionBasis = 8,
    /// <summary>A key has one answer.</summary>
    UniqueKey = 16,
    /// <summary>The answer comes after the commit.</summary>
    AnswerAfterCommit = 32,
    /// <summary>
    /// The ledger takes no bid that was decided at or after the end, and nothing after the sealing entry.
    /// </summary>
    End = 64,
    /// <summary>Pending entries are appended before Redis is hydrated, and before the auction is sealed.</summary>
    Completion = 128,
    /// <summary>Redis is sealed, and has confirmed it, before the ledger is sealed.</summary>
    SealFirst = 256,
    /// <summary>The ledger takes no decision that is earlier than the entry it was made on.</summary>
    Time = 512,
    /// <summary>The ledger takes no decision that is more than a second ahead of its clock.</summary>
    Ahead = 1024,
    /// <summary>
    /// A rejection whose basis is not the head stands only if the entry after the basis came after the call's begin.
    /// </summary>
    Outdated = 2048,
    All = 4095,
}

/// <summary>Plays seeds in parallel on all cores. Each seed is a <see cref="World"/> of its own.</summary>
internal static class Histories
{
    public static PlayedHistories Play(IEnumerable<int> seeds, Guards guards)
    {
        var broken = new ConcurrentDictionary<int, List<string>>();
        int played = 0, answers = 0, entries = 0, rejections = 0;
        Parallel.ForEach(seeds, seed =>
        {
            var world = new World(seed, guards);
            world.Run();
            var violations = Checkers.Check(world);
            if (violations.Count > 0) broken[seed] = violations;
            Interlocked.Increment(ref played);
            Interlocked.Add(ref answers, world.Calls.Count(c => c.Outcome is not null));
            Interlocked.Add(ref entries, world.Ledger.Chains.Values.Sum(c => c.Entries.Count));
            Interlocked.Add(ref rejections, world.Calls.Count(c => c.Outcome is { Accepted: false }));
        });
        return new PlayedHistories(
            played, answers, rejections, entries, new SortedDictionary<int, List<string>>(broken));
    }
}

/// <summary>How much happened in the played histories, and what the checkers found.</summary>
/// <param name="Broken">The violations of each seed that broke a promise.</param>
internal sealed record PlayedHistories(
    int Seeds, int Answers, int Rejections, int Entries, SortedDictionary<int, List<string>> Broken)
{
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"{Seeds} seeds, {Answers} answers ({Rejections} rejections), {Entries} entries, ");
        text.Append(CultureInfo.InvariantCulture, $"{Broken.Count} seeds broken");
        foreach (var (seed, violations) in Broken.Take(10))
            text.Append(CultureInfo.InvariantCulture, $"\n  --seed {seed}: {string.Join("; ", violations.Take(4))}");
        return text.ToString();
    }
}
