using Auctions.V1;
using Core = Auctions.Core;

namespace Auctions.Ctl.Replay;

/// <summary>
/// Holds what was seen of an auction against the rules and against itself: every answer against the rules' own, what the
/// ledger lists against what was acknowledged, every frame against the answers, the end against the last of them.
/// </summary>
public static class Checks
{
    /// <summary>Promise I9.</summary>
    public static readonly TimeSpan LatestSeal = TimeSpan.FromSeconds(1);

    public static IReadOnlyList<Violation> Of(AuctionRun run, ReplayVerdict reckoning)
    {
        var found = new List<Violation>();
        if (run.Failure is { } failure) Add("I2", null, $"not carried through, after {run.Answers.Count} of {run.Recorded.Bids.Count} bids: {failure}");
        Answers(run, reckoning, Add);
        Listing(run, Add);
        Frames(run, Add);
        if (run.Final is { } final) End(run, final, reckoning, Add);
        return found;

        void Add(string invariant, long? version, string detail) =>
            found.Add(new Violation(invariant, run.Recorded.Id, version, run.AuctionId.Length > 0 ? $"{detail} (auction {run.AuctionId})" : detail));
    }

    /// <summary>Every answer is what the rules say, on the state that the bids before have left.</summary>
    private static void Answers(AuctionRun run, ReplayVerdict reckoning, Action<string, long?, string> add)
    {
        foreach (var (answer, expected) in run.Answers.Zip(reckoning.Decisions))
        {
            var (response, line) = (answer.Result, answer.Bid.Line);
            if (response.RejectionReason == RejectionReason.Ended)
            {
                add("I3", response.State.Version, $"the bid of line {line} came after the end: not all bids could be placed in time, use a longer --end-after");
                return;
            }

            if (Outcome(response.Outcome) != expected.Outcome)
            {
                add("I1", response.State.Version, $"the bid of line {line} was answered {response.Outcome} {response.RejectionReason}, where the rules say {expected.Outcome} {expected.Reason}");
                return;
            }

            if (Seen(response.State) is var seen && seen != (expected.After.Price, expected.After.Leader, expected.After.BidCount))
                add("I1", response.State.Version, $"the bid of line {line} left {seen}, where the rules say {(expected.After.Price, expected.After.Leader, expected.After.BidCount)} (price, leader, bids)");
        }
    }

    /// <summary>What was acknowledged is there, and nothing else is.</summary>
    private static void Listing(AuctionRun run, Action<string, long?, string> add)
    {
        if (run.Final is null) return;
        var unclaimed = run.Listed.ToDictionary(bid => bid.BidId, StringComparer.Ordinal);
        foreach (var answer in run.Answers)
        {
            var (response, version) = (answer.Result, answer.Result.State.Version);
            if (response.Outcome == BidOutcome.Rejected)
            {
                var kept = run.Outcomes.GetValueOrDefault(answer.Key);
                if (kept is null || (kept.Outcome, kept.RejectionReason) != (response.Outcome, response.RejectionReason))
                    add("I2", version, $"the refusal of line {answer.Bid.Line} ({response.RejectionReason}) is now {(kept is null ? "unknown" : $"{kept.Outcome} {kept.RejectionReason}")}");
            }
            else if (!unclaimed.Remove(response.BidId, out var bid))
            {
                add("I2", version, $"the accepted bid {response.BidId} of line {answer.Bid.Line} is not in ListBids");
            }
            else if ((bid.Version, bid.BidderId, bid.LeaderAfter) != (version, answer.Bid.Bidder, response.State.LeaderId) || !bid.PriceAfter.Equals(response.State.CurrentPrice))
            {
                add("I2", version, $"ListBids has the bid {response.BidId} of line {answer.Bid.Line} with another version, bidder, price or leader than its answer");
            }
        }

        foreach (var bid in unclaimed.Values) add("I5", bid.Version, $"ListBids has the bid {bid.BidId} of {bid.BidderId}, which no answer told of");
        foreach (var (older, newer) in run.Listed.Skip(1).Zip(run.Listed))
        {
            if (newer.Version <= older.Version) add("I1", newer.Version, $"ListBids has version {newer.Version} after {older.Version}");
            if (Minor(newer.PriceAfter) < Minor(older.PriceAfter)) add("I1", newer.Version, $"the price fell from {Minor(older.PriceAfter)} to {Minor(newer.PriceAfter)} cents");
        }
    }

    /// <summary>What the viewer has shown at a version is what the answer of that version said.</summary>
    private static void Frames(AuctionRun run, Action<string, long?, string> add)
    {
        foreach (var fault in run.Frames.Faults) add("I7", run.Frames.Version, fault);
        var answered = run.Answers.Where(answer => answer.Result.Outcome != BidOutcome.Rejected)
            .GroupBy(answer => answer.Result.State.Version).ToDictionary(group => group.Key, group => group.First().Result.State);
        foreach (var shown in run.Frames.States)
        {
            if (answered.TryGetValue(shown.Version, out var state) && !SameToViewers(shown, state))
                add("I7", shown.Version, $"the viewer was shown {Text(shown)}, the bidder {Text(state)}");
        }
    }

    private static void End(AuctionRun run, Auction final, ReplayVerdict reckoning, Action<string, long?, string> add)
    {
        var state = final.State;
        if (state.Status != AuctionStatus.Ended) add("I9", state.Version, $"it is {state.Status} long after its end");
        if (run.Frames.Ended is not { } ended) add("I7", state.Version, "the viewer got no final frame");
        else if (!FinalFrameMatches(run)) add("I7", state.Version, $"the final frame ({Text(ended.Final)}, winner '{ended.WinnerId}') is not what GetAuction says ({Text(state)}, winner '{final.WinnerId}')");
        if (run.Frames.EndedAfter > LatestSeal) add("I9", state.Version, $"the viewer saw the end {run.Frames.EndedAfter.Value.TotalMilliseconds:0} ms after it");
        if (run.Answers is [.., { } last] && Seen(last.Result.State) != Seen(state)) add("I4", state.Version, $"it closed as {Text(state)}, the last answer was {Text(last.Result.State)}");
        if (final.WinnerId != reckoning.Winner) add("I4", state.Version, $"the winner is '{final.WinnerId}', by the rules '{reckoning.Winner}'");
    }

    /// <summary>Whether the viewer's last frame is the auction as it now is.</summary>
    public static bool FinalFrameMatches(AuctionRun run) =>
        run is { Frames.Ended: { } ended, Final: { } final }
        && ended.Final.Equals(final.State) && ended.WinnerId == final.WinnerId && ended.EndReason == final.EndReason;

    /// <summary>The price that it closed at, in cents; null where no bid was taken, or the end was not reached.</summary>
    public static long? Closing(AuctionRun run) => run.Final?.State.CurrentPrice is { } price ? Minor(price) : null;

    private static bool SameToViewers(AuctionState left, AuctionState right) =>
        Seen(left) == Seen(right) && Equals(left.MinimumBid, right.MinimumBid) && Equals(left.EndTime, right.EndTime)
        && (left.ExtensionsUsed, left.ReserveMet) == (right.ExtensionsUsed, right.ReserveMet);

    private static (long Price, string Leader, long Bids) Seen(AuctionState state) => (Minor(state.CurrentPrice), state.LeaderId, state.BidCount);

    private static string Text(AuctionState state) =>
        $"version {state.Version}: {state.Status}, {Minor(state.CurrentPrice)} cents, leader '{state.LeaderId}', {state.BidCount} bids, end {state.EndTime}, reserve met {state.ReserveMet}";

    /// <summary>Cents; 0 where there is none. -1 where the amount is no amount of cents, which is then equal to nothing.</summary>
    private static long Minor(Money? money) =>
        money is null ? 0 : Core.Currency.Find(ReplayVerdict.CurrencyCode)!.ToMinor(money.Units, money.Nanos) ?? -1;

    private static Core.BidOutcome Outcome(BidOutcome outcome) => outcome switch
    {
        BidOutcome.Leading => Core.BidOutcome.Leading,
        BidOutcome.Outbid => Core.BidOutcome.Outbid,
        _ => Core.BidOutcome.Rejected,
    };
}
