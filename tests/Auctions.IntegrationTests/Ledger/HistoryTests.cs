using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using static Auctions.IntegrationTests.Ledger.LedgerDatabase;

namespace Auctions.IntegrationTests.Ledger;

[Collection(PostgresCollection.Name)]
public sealed class HistoryTests(LedgerDatabase db) : IClassFixture<LedgerDatabase>
{
    [Fact]
    public async Task Bids_are_listed_in_pages_newest_first_and_without_rejections()
    {
        var auction = await db.OpenAsync();
        var bids = new List<DecidedBid>();
        for (var i = 1; i <= 5; i++)
        {
            bids.Insert(0, await db.DecideAsync(auction, Proxy($"bidder{i}", i * 10_00)));
            await db.AppendAsync(bids[0]);
            await db.AppendAsync(await db.DecideAsync(auction, Proxy("low", 1)));
        }

        var first = await db.History.ReadBidsPageAsync(auction, null, 3, CancellationToken.None);
        var second = await db.History.ReadBidsPageAsync(auction, first!.Bids[^1].Version, 3, CancellationToken.None);

        Assert.Equal((5, 5), (first.TotalCount, second!.TotalCount));
        Assert.Equal(bids.Select(b => b.Id), first.Bids.Concat(second.Bids).Select(b => b.Id));
        var newest = first.Bids[0];
        Assert.Equal((bids[0].Offered, bids[0].After.Price, "bidder5", "bidder5"),
            (newest.Offered, newest.After.Price, newest.After.Leader, newest.Bid!.Bidder));
        Assert.Null(await db.History.ReadBidsPageAsync(Guid.NewGuid(), null, 3, CancellationToken.None));
    }

    [Fact]
    public async Task A_long_ledger_is_read_in_many_pages()
    {
        const int bids = 2_500;
        var auction = await db.OpenAsync();
        var head = await db.HeadAsync(auction);
        var all = new List<DecidedBid>();
        for (var i = 1; i <= bids; i++)
        {
            var bid = Decide(auction, head, Proxy($"bidder{i % 7}", i * 10_00));
            all.Add(bid);
            head = After(head, bid);
        }

        foreach (var chunk in all.Chunk(500))
            Assert.All(await db.AppendAsync(chunk), r => Assert.Equal(AppendOutcome.Appended, r.Outcome));

        Assert.Equal(all.Select(b => b.Id), (await db.EntriesAsync(auction)).Skip(1).Select(e => e.Id));
        var answers = new HashSet<DecidedBid>();
        await foreach (var answer in db.History.ReadAnswersAsync(auction, CancellationToken.None))
            Assert.True(answers.Add(answer));
        Assert.Equal(bids, answers.Count);
        Assert.Empty(await db.AuditAsync(auction));
    }

    [Fact]
    public async Task Every_auction_is_listed_once()
    {
        var opened = new List<Guid>();
        for (var i = 0; i < 3; i++) opened.Add(await db.OpenAsync());
        var listed = new List<Guid>();
        await foreach (var row in db.History.ReadAuctionsAsync(CancellationToken.None)) listed.Add(row.Id);
        Assert.Equal(listed.Count, listed.Distinct().Count());
        Assert.Empty(opened.Except(listed));
    }
}
