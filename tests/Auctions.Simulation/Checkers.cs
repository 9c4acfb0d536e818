using Auctions.Core;

namespace Auctions.Simulation;

/// <summary>
/// One checker for each invariant. They see the ledger, Redis and what clients were told, and share only the rules with
/// the code under test.
/// </summary>
internal static partial class Checkers
{
    public static List<string> Check(World world)
    {
        var violations = new List<string>();
        foreach (var (id, chain) in world.Ledger.Chains)
        {
            OneChain(chain, violations);
            TheEndIsTheEnd(chain, violations);
            TheRightWinner(chain, violations);
            RetriesAreFree(chain, world.Calls.Where(c => c.AuctionId == id), violations);
            RedisAgrees(chain, world.Redis.Find(id), violations);
        }

        AddClockViolations(world, violations);
        NoAnswerIsLost(world, violations);
        RejectionsWereRight(world, violations);
        if (world.OpenCalls != 0) violations.Add($"progress: {world.OpenCalls} calls were never answered");
        violations.AddRange(world.Log.Defects.Select(defect => $"defect: {defect}"));
        return violations;
    }

    private static void OneChain(Chain chain, List<string> violations)
    {
        var terms = chain.Entries[0].Terms!;
        for (var v = 1; v < chain.Entries.Count; v++)
        {
            var (before, entry) = (chain.Entries[v - 1], chain.Entries[v]);
            if (entry.Version != v) violations.Add($"I1: entry {v} has the version {entry.Version}");
            if (entry.Prev != before.Id) violations.Add($"I1: entry {v} was not decided on entry {v - 1}");
            if (entry.Kind != EntryKind.Bid) continue;
            if (entry.After.Price < before.After.Price || entry.After.Ceiling < before.After.Ceiling)
                violations.Add($"I1: entry {v} lowers price or ceiling");
            if (entry.After.Price == before.After.Price && entry.After.Ceiling == before.After.Ceiling)
                violations.Add($"I1: entry {v} raises nothing");
            var decision = Rules.Decide(terms, before.After, entry.Bid!, entry.DecidedUs);
            if (decision.Outcome != entry.Outcome || decision.After != entry.After)
                violations.Add($"I6: entry {v} does not follow from the ledger");
        }
    }

    private static void TheEndIsTheEnd(Chain chain, List<string> violations)
    {
        for (var v = 1; v < chain.Entries.Count; v++)
        {
            var (before, entry) = (chain.Entries[v - 1], chain.Entries[v]);
            if (before.Kind == EntryKind.Sealed) violations.Add($"I3: entry {v} follows the sealing entry");
            if (entry.Kind == EntryKind.Bid && entry.DecidedUs >= before.After.EndUs)
                violations.Add($"I3: entry {v} was decided after the end");
        }
    }

    private static void TheRightWinner(Chain chain, List<string> violations)
    {
        var seals = chain.Entries.Count(e => e.Kind == EntryKind.Sealed);
        if (seals != 1) violations.Add($"I9: sealed {seals} times");
        if (chain.Entries is not [.., var before, { Kind: EntryKind.Sealed } sealing]) return;
        var isSold = before.After.Price >= chain.Entries[0].Terms!.Reserve
            && sealing.After.Status != AuctionStatus.Cancelled;
        var winner = isSold ? before.After.Leader : "";
        if (sealing.Winner != winner)
            violations.Add($"I4: the winner is '{sealing.Winner}', but '{winner}' should win");
    }

    private static void RetriesAreFree(Chain chain, IEnumerable<ClientCall> calls, List<string> violations)
    {
        foreach (var key in chain.AllAnswers.GroupBy(a => (a.Bid.Bidder, a.Bid.Key)).Where(g => g.Count() > 1))
            violations.Add($"I5: key {key.Key} has {key.Count()} answers");
        foreach (var key in calls.Where(c => c.Outcome is not null).GroupBy(c => (c.Bid.Bidder, c.Bid.Key)))
        {
            if (key.Select(c => c.Outcome!.Id).Distinct().Count() > 1)
                violations.Add($"I5: key {key.Key} was given different answers");
            if (key.Any(c => !c.Outcome!.Bid.SameContent(c.Bid)))
                violations.Add($"I5: key {key.Key} was answered for other content");
        }
    }

    private static void RedisAgrees(Chain chain, HotAuction? hot, List<string> violations)
    {
        var last = chain.Entries[^1];
        if (hot is null) return;
        if (hot.Head.Version != last.Version || hot.Head.EntryId != last.Id || hot.Head.State != last.After)
            violations.Add($"I6: at rest Redis is at version {hot.Head.Version}, the ledger at {last.Version}");
    }

    private static void NoAnswerIsLost(World world, List<string> violations)
    {
        foreach (var call in world.Calls)
        {
            if (call.Outcome is not { } told) continue;
            var chain = world.Ledger.Chains[call.AuctionId];
            if (!chain.AllAnswers.Contains(told))
                violations.Add($"I2: an answer ({told.Outcome}) is not in the ledger");
            if (told.Accepted && chain.Entries.All(e => e.Id != told.Id))
                violations.Add("I2: an acknowledged bid is not in the chain");
        }
    }

    /// <summary>
    /// A rejection and its reason, at its decision time, were right under some state that the ledger had between the
    /// call and its answer, whatever the clocks said.
    /// </summary>
    private static void RejectionsWereRight(World world, List<string> violations)
    {
        foreach (var call in world.Calls)
        {
            if (call.Outcome is not { Accepted: false } told) continue;
            var fromUs = world.FirstSentUs[(call.AuctionId, call.Bid.Bidder, call.Bid.Key)];
            if (!WasRight(world.Ledger.Chains[call.AuctionId], told, fromUs, call.ToUs))
                violations.Add($"I5: a rejection ({told.Reason}) was right at no moment between call and answer");
        }
    }

    private static bool WasRight(Chain chain, DecidedBid told, long fromUs, long toUs) =>
        Enumerable.Range(0, chain.Entries.Count).Any(v =>
            chain.CommittedUs[v] <= toUs
            && (v + 1 == chain.Entries.Count || chain.CommittedUs[v + 1] >= fromUs)
            && Rules.Decide(chain.Entries[0].Terms!, chain.Entries[v].After, told.Bid, told.DecidedUs).Reason
                == told.Reason);
}
