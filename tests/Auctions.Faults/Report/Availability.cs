using Auctions.Faults.Injection;

namespace Auctions.Faults.Report;

/// <summary>
/// How long nobody was told anything. The gaps are those between one first answer to a key and the next, of all bidders together, while
/// bidders bid. A kind's longest unavailability is the longest gap that overlaps one of its faults, from the moment that it was injected to the
/// moment that the part was ready again. Faults overlap each other too: a gap counts for every kind that may have had a part in it.
/// </summary>
public static class Availability
{
    /// <param name="answeredUs">When answers came, in any order; with the start and the end of bidding.</param>
    public static IReadOnlyDictionary<string, double> Longest(IEnumerable<long> answeredUs, IReadOnlyList<InjectedFault> faults)
    {
        var answers = answeredUs.Order().ToArray();
        var longest = new SortedDictionary<FaultKind, long>();
        foreach (var fault in faults)
        {
            var gap = Longest(answers, fault);
            longest[fault.Kind] = Math.Max(longest.GetValueOrDefault(fault.Kind), gap);
        }

        return longest.ToDictionary(kind => FaultLog.Name(kind.Key), kind => Math.Round(kind.Value / 1000.0, 1));
    }

    private static long Longest(long[] answers, InjectedFault fault)
    {
        // The gap in which the fault begins is the one before the first answer after it.
        var first = Array.BinarySearch(answers, fault.BeganUs);
        var longest = 0L;
        for (var i = Math.Max(1, first < 0 ? ~first : first); i < answers.Length; i++)
        {
            longest = Math.Max(longest, answers[i] - answers[i - 1]);
            if (answers[i] >= fault.EndedUs) break;
        }

        return longest;
    }
}
