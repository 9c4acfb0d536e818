using Auctions.V1;

namespace Auctions.Ctl.Replay;

/// <summary>The answer to a bid.</summary>
/// <param name="Key">The idempotency key of the request.</param>
/// <param name="LatencyMs">From the first attempt to the answer.</param>
public sealed record Answer(RecordedBid Bid, Guid Key, BidResult Result, double LatencyMs);

/// <summary>What the services said about one auction, from its creation to its end: the input of the checks.</summary>
/// <param name="AuctionId">Its UUID; empty if it was not created.</param>
/// <param name="Answers">In the order of the bids; fewer than these if there is a <paramref name="Failure"/>.</param>
/// <param name="Outcomes">What GetBidOutcome says of each rejected bid, by its key; null = not found.</param>
/// <param name="Listed">What ListBids says at the end, newest first.</param>
/// <param name="Final">What GetAuction says at the end; null if the replay did not get that far.</param>
/// <param name="Failure">Why the replay of the auction was not completed; null if it was.</param>
public sealed record ReplayedAuction(
    RecordedAuction Recorded, string AuctionId, IReadOnlyList<Answer> Answers, FrameLog Frames,
    IReadOnlyDictionary<Guid, BidResult?> Outcomes, IReadOnlyList<V1.Bid> Listed, Auction? Final, string? Failure)
{
    /// <summary>The closing price in cents; null if no bid was accepted, or if the end is not known.</summary>
    public long? Closing => Final?.State.CurrentPrice is { } price ? Cents.Of(price) : null;

    /// <summary>Whether the viewer's final frame equals the auction at the end.</summary>
    public bool FinalFrameMatches =>
        (Frames.Ended, Final) is ({ } ended, { } final)
        && ended.Final.Equals(final.State) && ended.WinnerId == final.WinnerId && ended.EndReason == final.EndReason;
}

/// <summary>What the rules alone decide for a recorded auction. The checks compare the services with it.</summary>
/// <param name="Decisions">One for each bid, in order.</param>
/// <param name="Winner">Empty if the auction ends unsold.</param>
public sealed record ExpectedResult(IReadOnlyList<Core.Decision> Decisions, Core.AuctionState Final, string Winner)
{
    /// <summary>The closing price in cents; null if no bid is accepted.</summary>
    public long? Closing => Final.BidCount == 0 ? null : Final.Price;

    public static ExpectedResult Of(RecordedAuction auction)
    {
        var terms = new Core.Terms(
            RecordedAuction.Seller, RecordedAuction.CurrencyCode, auction.Opening, auction.Reserve, 0,
            Core.Increment.EbayUs, Core.SoftClose.None, 0);
        var state = Core.AuctionState.Opened(Core.AuctionStatus.Active, Core.Currency.MaxAmount);
        var decisions = new List<Core.Decision>(auction.Bids.Count);
        foreach (var bid in auction.Bids)
        {
            var proxy = new Core.Bid(
                bid.Bidder, Guid.Empty, Core.BidKind.Proxy, RecordedAuction.CurrencyCode, 0, bid.Max);
            var decision = Core.Rules.Decide(terms, state, proxy, nowUs: 0);
            decisions.Add(decision);
            state = decision.After;
        }

        return new ExpectedResult(decisions, state, Core.Rules.Winner(terms, state));
    }
}

/// <summary>
/// Checks a replayed auction: every answer against the rules, the listed bids and the frames against the answers, and
/// the end against the last answer and the rules.
/// </summary>
public sealed class ReplayChecks
{
    /// <summary>I9: viewers see the end within a second of the effective end.</summary>
    private static readonly TimeSpan SealLatenessMax = TimeSpan.FromSeconds(1);

    private readonly ReplayedAuction _auction;
    private readonly ExpectedResult _expected;
    private readonly List<Violation> _violations = [];

    private ReplayChecks(ReplayedAuction auction) =>
        (_auction, _expected) = (auction, ExpectedResult.Of(auction.Recorded));

    public static IReadOnlyList<Violation> Of(ReplayedAuction auction)
    {
        var checks = new ReplayChecks(auction);
        if (auction.Failure is { } failure)
        {
            checks.Report("I2", null,
                $"not completed, after {auction.Answers.Count} of {auction.Recorded.Bids.Count} bids: {failure}");
        }

        checks.CheckAnswers();
        if (auction.Final is not null) checks.CheckListedBids();
        checks.CheckFrames();
        if (auction.Final is { } final) checks.CheckEnd(final);
        return checks._violations;
    }

    private void Report(string invariant, long? version, string detail) => _violations.Add(new Violation(
        invariant, _auction.Recorded.Id, version,
        _auction.AuctionId.Length > 0 ? $"{detail} (auction {_auction.AuctionId})" : detail));

    /// <summary>Every answer is the decision of the rules on the state after the bids before it.</summary>
    private void CheckAnswers()
    {
        foreach (var (answer, expected) in _auction.Answers.Zip(_expected.Decisions))
        {
            var (result, version, line) = (answer.Result, answer.Result.State.Version, answer.Bid.Line);
            if (result.RejectionReason == RejectionReason.Ended)
            {
                Report("I3", version,
                    $"the bid of line {line} came after the end: not all bids were placed in time, use a longer "
                    + "--end-after");
                return;
            }

            if (Outcome(result.Outcome) != expected.Outcome)
            {
                Report("I1", version,
                    $"the bid of line {line} was answered {result.Outcome} {result.RejectionReason}, "
                    + $"the rules say {expected.Outcome} {expected.Reason}");
                return;
            }

            var found = Shown(result.State);
            var after = (expected.After.Price, expected.After.Leader, expected.After.BidCount);
            if (found == after) continue;
            Report("I1", version, $"the bid of line {line} left {found}, the rules say {after} (price, leader, bids)");
        }
    }

    /// <summary>Every acknowledged answer is stored, and every listed bid was acknowledged.</summary>
    private void CheckListedBids()
    {
        var unclaimed = _auction.Listed.ToDictionary(bid => bid.BidId, StringComparer.Ordinal);
        foreach (var answer in _auction.Answers)
        {
            var (result, version, line) = (answer.Result, answer.Result.State.Version, answer.Bid.Line);
            if (result.Outcome == BidOutcome.Rejected)
            {
                var kept = _auction.Outcomes.GetValueOrDefault(answer.Key);
                if (kept is null || (kept.Outcome, kept.RejectionReason) != (result.Outcome, result.RejectionReason))
                {
                    var now = kept is null ? "unknown" : $"{kept.Outcome} {kept.RejectionReason}";
                    Report("I2", version, $"the rejection of line {line} ({result.RejectionReason}) is now {now}");
                }
            }
            else if (!unclaimed.Remove(result.BidId, out var bid))
            {
                Report("I2", version, $"the accepted bid {result.BidId} of line {line} is not in ListBids");
            }
            else if ((bid.Version, bid.BidderId, bid.LeaderAfter) != (version, answer.Bid.Bidder, result.State.LeaderId)
                || !bid.PriceAfter.Equals(result.State.CurrentPrice))
            {
                Report("I2", version,
                    $"ListBids has the bid {result.BidId} of line {line} with another version, bidder, price or leader "
                    + "than its answer");
            }
        }

        foreach (var bid in unclaimed.Values)
            Report("I5", bid.Version, $"ListBids has the bid {bid.BidId} of {bid.BidderId}, but no answer mentions it");
        foreach (var (older, newer) in _auction.Listed.Skip(1).Zip(_auction.Listed))
        {
            if (newer.Version <= older.Version)
                Report("I1", newer.Version, $"ListBids has version {newer.Version} after {older.Version}");
            var (before, after) = (Cents.Of(older.PriceAfter), Cents.Of(newer.PriceAfter));
            if (after < before) Report("I1", newer.Version, $"the price fell from {before} to {after} cents");
        }
    }

    /// <summary>The frames obey I7, and at each version the viewer sees the state of that version's answer.</summary>
    private void CheckFrames()
    {
        foreach (var fault in _auction.Frames.Faults) Report("I7", _auction.Frames.Version, fault);
        var answered = _auction.Answers.Where(answer => answer.Result.Outcome != BidOutcome.Rejected)
            .GroupBy(answer => answer.Result.State.Version)
            .ToDictionary(group => group.Key, group => group.First().Result.State);
        foreach (var shown in _auction.Frames.States)
        {
            if (answered.TryGetValue(shown.Version, out var state) && !SameToViewers(shown, state))
                Report("I7", shown.Version, $"the viewer was shown {Text(shown)}, the bidder {Text(state)}");
        }
    }

    private void CheckEnd(Auction final)
    {
        var state = final.State;
        if (state.Status != AuctionStatus.Ended)
            Report("I9", state.Version, $"it is {state.Status} long after its end");
        if (_auction.Frames.Ended is not { } ended)
        {
            Report("I7", state.Version, "the viewer got no final frame");
        }
        else if (!_auction.FinalFrameMatches)
        {
            Report("I7", state.Version,
                $"the final frame ({Text(ended.Final)}, winner '{ended.WinnerId}') is not what GetAuction says "
                + $"({Text(state)}, winner '{final.WinnerId}')");
        }

        if (_auction.Frames.EndedAfter is { } late && late > SealLatenessMax)
            Report("I9", state.Version, $"the viewer saw the end {late.TotalMilliseconds:0} ms after it");
        if (_auction.Answers is [.., { Result.State: var last }] && Shown(last) != Shown(state))
            Report("I4", state.Version, $"it closed as {Text(state)}, the last answer was {Text(last)}");
        if (final.WinnerId != _expected.Winner)
            Report("I4", state.Version, $"the winner is '{final.WinnerId}', by the rules '{_expected.Winner}'");
    }

    private static bool SameToViewers(AuctionState left, AuctionState right) =>
        Shown(left) == Shown(right)
        && Equals(left.MinimumBid, right.MinimumBid) && Equals(left.EndTime, right.EndTime)
        && (left.ExtensionsUsed, left.ReserveMet) == (right.ExtensionsUsed, right.ReserveMet);

    private static (long Price, string Leader, long Bids) Shown(AuctionState state) =>
        (Cents.Of(state.CurrentPrice), state.LeaderId, state.BidCount);

    private static string Text(AuctionState state) =>
        $"version {state.Version}: {state.Status}, {Cents.Of(state.CurrentPrice)} cents, leader '{state.LeaderId}', "
        + $"{state.BidCount} bids, end {state.EndTime}, reserve met {state.ReserveMet}";

    private static Core.BidOutcome Outcome(BidOutcome outcome) => outcome switch
    {
        BidOutcome.Leading => Core.BidOutcome.Leading,
        BidOutcome.Outbid => Core.BidOutcome.Outbid,
        _ => Core.BidOutcome.Rejected,
    };
}
