using Auctions.Core;

namespace Auctions.Simulation;

/// <summary>One checker an invariant. They know the ledger, Redis and what clients were told; of the code under test they know nothing.</summary>
internal static class Checkers
{
    public static List<string> Check(World world)
    {
        var found = new List<string>();
        foreach (var (id, chain) in world.Ledger.Chains)
        {
            OneChain(chain, found);
            TheEndIsTheEnd(chain, found);
            TheRightWinner(chain, found);
            RetriesAreFree(chain, world.Calls.Where(c => c.AuctionId == id), found);
            RedisAgrees(chain, world.Redis.Find(id), found);
        }

        NothingAcknowledgedIsLost(world, found);
        RefusalsWereRight(world, found);
        if (world.CallsOpen != 0) found.Add($"progress: {world.CallsOpen} calls were never answered");
        return found;
    }

    private static void OneChain(Chain chain, List<string> found)
    {
        var terms = chain.Entries[0].Terms!;
        for (var v = 1; v < chain.Entries.Count; v++)
        {
            var (before, entry) = (chain.Entries[v - 1], chain.Entries[v]);
            if (entry.Version != v) found.Add($"I1: entry {v} has the version {entry.Version}");
            if (entry.Prev != before.Id) found.Add($"I1: entry {v} was not decided on entry {v - 1}");
            if (entry.Kind != EntryKind.Bid) continue;
            if (entry.After.Price < before.After.Price || entry.After.Ceiling < before.After.Ceiling) found.Add($"I1: entry {v} lowers price or ceiling");
            if (entry.After.Price == before.After.Price && entry.After.Ceiling == before.After.Ceiling) found.Add($"I1: entry {v} raises nothing");
            var decision = Rules.Decide(terms, before.After, entry.Bid!, entry.DecidedUs);
            if (decision.Outcome != entry.Outcome || decision.After != entry.After) found.Add($"I6: entry {v} does not follow from the ledger");
        }
    }

    private static void TheEndIsTheEnd(Chain chain, List<string> found)
    {
        for (var v = 1; v < chain.Entries.Count; v++)
        {
            var (before, entry) = (chain.Entries[v - 1], chain.Entries[v]);
            if (before.Kind == EntryKind.Sealed) found.Add($"I3: entry {v} follows the sealing one");
            if (entry.Kind == EntryKind.Bid && entry.DecidedUs >= before.After.EndUs) found.Add($"I3: entry {v} was decided after the end");
        }
    }

    private static void TheRightWinner(Chain chain, List<string> found)
    {
        var seals = chain.Entries.Count(e => e.Kind == EntryKind.Sealed);
        if (seals != 1) found.Add($"I9: sealed {seals} times");
        if (chain.Entries is not [.., var before, { Kind: EntryKind.Sealed } sealing]) return;
        var winner = before.After.Price >= chain.Entries[0].Terms!.Reserve ? before.After.Leader : "";
        if (sealing.Winner != winner) found.Add($"I4: '{sealing.Winner}' won, and '{winner}' led");
    }

    private static void RetriesAreFree(Chain chain, IEnumerable<Call> calls, List<string> found)
    {
        foreach (var twice in chain.AllAnswers.GroupBy(a => (a.Bid.Bidder, a.Bid.Key)).Where(g => g.Count() > 1))
            found.Add($"I5: key {twice.Key} has {twice.Count()} answers");
        foreach (var key in calls.Where(c => c.Outcome is not null).GroupBy(c => (c.Bid.Bidder, c.Bid.Key)))
        {
            if (key.Select(c => c.Outcome!.Id).Distinct().Count() > 1) found.Add($"I5: key {key.Key} was given different answers");
            if (key.Any(c => !c.Outcome!.Bid.SameContent(c.Bid))) found.Add($"I5: key {key.Key} was answered for other content");
        }
    }

    private static void RedisAgrees(Chain chain, Hot? hot, List<string> found)
    {
        var last = chain.Entries[^1];
        if (hot is not null && (hot.Head.Version != last.Version || hot.Head.EntryId != last.Id || hot.Head.State != last.After))
            found.Add($"I6: at rest Redis is at {hot.Head.Version}, the ledger at {last.Version}");
    }

    private static void NothingAcknowledgedIsLost(World world, List<string> found)
    {
        foreach (var call in world.Calls)
        {
            if (call.Outcome is not { } told) continue;
            var chain = world.Ledger.Chains[call.AuctionId];
            if (!chain.AllAnswers.Contains(told)) found.Add($"I2: an answer ({told.Outcome}) is not in the ledger");
            if (told.Accepted && chain.Entries.All(e => e.Id != told.Id)) found.Add("I2: an acknowledged bid is not in the chain");
        }
    }

    /// <summary>A refusal was right, at its decision, under some state that the ledger had between call and answer, as far as clocks can tell.</summary>
    private static void RefusalsWereRight(World world, List<string> found)
    {
        var firstCall = world.Calls.GroupBy(c => (c.AuctionId, c.Bid.Bidder, c.Bid.Key)).ToDictionary(g => g.Key, g => g.Min(c => c.FromUs));
        foreach (var call in world.Calls)
        {
            if (call.Outcome is not { Accepted: false } told) continue;
            var fromUs = firstCall[(call.AuctionId, call.Bid.Bidder, call.Bid.Key)] - world.ClockErrorUs;
            if (!WasRight(world.Ledger.Chains[call.AuctionId], told, fromUs, call.ToUs))
                found.Add($"I5: a refusal ({told.Reason}) was right at no moment between call and answer");
        }
    }

    private static bool WasRight(Chain chain, DecidedBid told, long fromUs, long toUs) =>
        Enumerable.Range(0, chain.Entries.Count).Any(v =>
            chain.CommittedUs[v] <= toUs
            && (v + 1 == chain.Entries.Count || chain.CommittedUs[v + 1] >= fromUs)
            && Rules.Decide(chain.Entries[0].Terms!, chain.Entries[v].After, told.Bid, told.DecidedUs).Outcome == BidOutcome.Rejected);
}
