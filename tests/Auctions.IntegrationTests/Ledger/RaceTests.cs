using Auctions.Core;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using Xunit.Abstractions;
using static Auctions.IntegrationTests.Ledger.LedgerDatabase;

namespace Auctions.IntegrationTests.Ledger;

/// <summary>
/// Several deciders append bids on the same auctions at the same time. The heads that they know may be old. An operator
/// changes auctions, and a service seals them. Afterwards, the audit replays every ledger, and every answer is compared
/// with the ledger.
/// </summary>
[Collection(PostgresCollection.Name)]
public sealed class RaceTests(LedgerDatabase db, ITestOutputHelper output) : IClassFixture<LedgerDatabase>
{
    private const int AuctionCount = 4;
    private const int Deciders = 6;
    private const int Rounds = 40;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task The_ledger_of_auctions_with_concurrent_deciders_is_one_chain(int seed)
    {
        output.WriteLine($"seed {seed}");
        var auctions = new List<Guid>();
        for (var i = 0; i < AuctionCount; i++)
        {
            auctions.Add(await db.OpenAsync(VaseTerms with
            {
                Reserve = i * 20_00,
                BuyNow = i == 3 ? 5_000_00 : 0,
                SoftClose = new SoftClose(Hour, Hour, 3),
            }));
        }

        await db.SetClockAsync(Start + Hour / 2 + (Rounds + 1) * 1000);
        var answers = await Task.WhenAll(Enumerable.Range(0, Deciders).Select(
            n => Task.Run(() => RaceAsync(new Random(seed * 1000 + n), auctions))));
        await SealAllAsync(auctions);

        foreach (var auction in auctions) Assert.Empty(await db.AuditAsync(auction));
        await CheckAnswersAsync([.. answers.SelectMany(a => a)]);
    }

    /// <summary>Returns the answers that this decider got.</summary>
    private async Task<List<DecidedBid>> RaceAsync(Random random, List<Guid> auctions)
    {
        var answers = new List<DecidedBid>();
        var sent = new List<(Guid Auction, Bid Bid)>();
        var heads = new Dictionary<Guid, Head>();
        for (var round = 0; round < Rounds; round++)
        {
            var batch = new List<DecidedBid>();
            for (var n = random.Next(1, 12); n > 0; n--)
            {
                var auction = auctions[random.Next(auctions.Count)];
                if (!heads.TryGetValue(auction, out var head) || random.Next(4) == 0)
                    heads[auction] = head = await db.HeadAsync(auction);
                var again = sent.Count > 0 && random.Next(6) == 0 ? sent[random.Next(sent.Count)] : default;
                var bid = again.Auction == auction ? again.Bid : NextBid(random, head.State);
                if (batch.Any(b => b.Bid.Key == bid.Key)) continue;
                sent.Add((auction, bid));
                var decided = Decide(auction, head, bid, Start + Hour / 2 + round * 1000 + random.Next(1000));
                batch.Add(decided);
                heads[auction] = After(head, decided);
            }

            // The claim that a bid is fresh may be wrong. After a lost reply, the same bids are sent again.
            bool[] fresh = [.. batch.Select(_ => random.Next(3) > 0)];
            if (random.Next(10) == 0) await db.Ledger.AppendAsync(batch, fresh, [], CancellationToken.None);
            var results = await db.Ledger.AppendAsync(batch, fresh, [], CancellationToken.None);
            for (var i = 0; i < results.Length; i++)
            {
                if (results[i].Answer is { } answer) answers.Add(answer);
                else heads.Remove(batch[i].AuctionId);
            }

            if (random.Next(30) == 0) await ByHandAsync(random, auctions[random.Next(auctions.Count)]);
        }

        return answers;
    }

    private Task ByHandAsync(Random random, Guid auction) => db.ByHandAsync(random.Next(2) == 0
        ? $"update auctions set end_us = end_us + 60000000 where id = '{auction}' and status in ('scheduled', 'active')"
        : $"update auctions set reserve = reserve + 100 where id = '{auction}' and status in ('scheduled', 'active')");

    private static Bid NextBid(Random random, AuctionState state)
    {
        var bidder = random.Next(20) == 0 ? "seller" : $"bidder{random.Next(5)}";
        var amount = state.Price + random.Next(0, 40) * 50;
        return random.Next(5) switch
        {
            0 => new Bid(bidder, Guid.NewGuid(), BidKind.Direct, "USD", Math.Max(1, amount), 0),
            1 when random.Next(10) == 0 => new Bid(bidder, Guid.NewGuid(), BidKind.BuyNow, "", 0, 0),
            _ => Proxy(bidder, Math.Max(1, state.Ceiling + random.Next(-20, 20) * 100)),
        };
    }

    private async Task SealAllAsync(List<Guid> auctions)
    {
        var later = Start + 1000 * Hour;
        await db.SetClockAsync(later);
        var rivals = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => db.Lifecycle.SealAsync(
            [.. auctions.Select(id => new SealRequest(id, SealCause.Time))], CancellationToken.None)));
        foreach (var i in Enumerable.Range(0, auctions.Count))
            Assert.Single(rivals, r => r[i].Outcome == SealOutcome.Sealed);
    }

    /// <summary>I2, I5: every answer to a key is the one in the ledger.</summary>
    private async Task CheckAnswersAsync(List<DecidedBid> answers)
    {
        output.WriteLine($"{answers.Count} answers, {answers.Count(t => t.Accepted)} of them acceptances");
        Assert.NotEmpty(answers);
        foreach (var group in answers.GroupBy(t => (t.AuctionId, t.Bid.Bidder, t.Bid.Key)))
        {
            var (auction, bidder, key) = group.Key;
            var recorded = await db.Ledger.FindAnswerAsync(auction, bidder, key, CancellationToken.None);
            Assert.All(group, a => Assert.Equal(recorded, a));
        }
    }
}
