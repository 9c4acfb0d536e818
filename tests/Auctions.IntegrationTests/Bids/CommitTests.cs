using Auctions.Core;
using Auctions.IntegrationTests.Ledger;
using Auctions.Ledger;
using BiddingService;

namespace Auctions.IntegrationTests.Bids;

public sealed class CommitTests
{
    /// <summary>A recorded refusal is at the version that it rests on, whose entry may well be pending.</summary>
    [Fact]
    public void What_was_pending_and_is_recorded_are_appended_entries_alone()
    {
        var auction = Guid.NewGuid();
        var head = new Head(7, Guid.NewGuid(), LedgerDatabase.VaseTerms, AuctionState.Opened(AuctionStatus.Active, endUs: long.MaxValue));
        List<CommitLane.Item> items = [];
        foreach (var max in new[] { 50_00, 60_00, 70_00, 1 })
        {
            var ticket = new BidTicket(auction, LedgerDatabase.Proxy("ann", max), limited: false);
            var decided = ticket.Decided = DecidedBid.Decide(auction, head, ticket.NextId(), ticket.Bid, head.Terms.StartUs);
            if (decided.Accepted) head = new Head(decided.Version, decided.Id, head.Terms, decided.After);
            items.Add(new CommitLane.Item(null, ticket, null));
        }

        var commit = new Commit(items) { Results = [.. items.Select(i => Result(i.Ticket!.Decided!))] };

        Assert.Equal([(8, true), (9, true), (10, true), (10, false)], commit.Bids.Select(b => (b.Version, b.Accepted)));
        Assert.Equal([8], Assert.Single(commit.AppendedVersions()));

        static AppendResult Result(DecidedBid bid) => (bid.Version, bid.Accepted) switch
        {
            (8, _) or (_, false) => new(AppendOutcome.Appended, bid),
            (9, _) => new(AppendOutcome.Early, null),
            _ => new(AppendOutcome.Conflict, null),
        };
    }
}
