using Auctions.Grpc;
using Auctions.IntegrationTests.Servers;
using Auctions.V1;
using Grpc.Core;
using static Auctions.IntegrationTests.Bids.BiddingStack;

namespace Auctions.IntegrationTests.Bids;

/// <summary>An honest bidder beside one that uses all that it can get.</summary>
public sealed class EagerBidderTests
{
    private const int Streams = 20, BidsPerStream = 100;

    [Fact]
    public async Task A_bidder_with_many_streams_has_one_share_and_the_others_are_served()
    {
        await using var stack = await BiddingStack.StartAsync(1, "--Limits:InFlightPerSubject=8");
        var (contested, quiet) = (await stack.OpenAsync(), await stack.OpenAsync());
        var eager = Enumerable.Range(0, Streams).Select(i => BidAllAsync(stack, contested, i)).ToList();

        // Success is what counts here, on the contested auction too. How long it takes depends on the machine.
        var honest = 0;
        do
        {
            var auction = ++honest % 2 == 0 ? contested : quiet;
            await stack.Client.PlaceBidAsync(Proxy(auction, 200 + honest), As("hal"));
        } while (!eager.TrueForAll(t => t.IsCompleted));

        // Its own bids wait for their turn: none is lost, and none is refused.
        foreach (var answers in await Task.WhenAll(eager)) Assert.Equal(BidsPerStream, answers);
        await stack.AuditedAsync(contested);
        await stack.AuditedAsync(quiet);
    }

    [Fact]
    public async Task A_key_that_has_an_answer_gets_it_again_after_the_limit_has_refused_it()
    {
        await using var stack = await BiddingStack.StartAsync(1, "--Limits:CallsPerSubject=2");
        var (auction, key) = (await stack.OpenAsync(), Guid.NewGuid());
        var first = (await stack.Client.PlaceBidAsync(Proxy(auction, 500, key), AsLimited("ann"))).Result;
        var refused = 0;
        for (var i = 0; i < 60; i++)
        {
            try
            {
                var again = (await stack.Client.PlaceBidAsync(Proxy(auction, 500, key), AsLimited("ann"))).Result;
                Assert.Equal((first.BidId, true), (again.BidId, again.Replayed));
            }
            catch (RpcException e) when (RpcErrors.Reason(e) == "TOO_MANY_CALLS")
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1, 59);
        var last = await stack.BidUntilKnownAsync(auction, "ann", 500, key);
        Assert.Equal((first.BidId, true), (last.BidId, last.Replayed));
    }

    /// <summary>
    /// Each bid waits for a row of its own that stays locked, and goes on for two seconds after its caller has left.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_bidder_that_leaves_its_bids_behind_keeps_its_places_until_they_are_through(bool byStreams)
    {
        const int places = 3;
        await using var stack = await BiddingStack.StartAsync(1, $"--Limits:InFlightPerSubject={places}");
        var (locked, other) = (new List<Guid>(), await stack.OpenAsync());
        for (var i = 0; i < 60; i++) locked.Add(await stack.OpenAsync());
        await stack.BidAsync(other, "hal", 100);
        await using var rows = await RowLock.TakeAsync(stack.LedgerConnection, [.. locked]);

        // A slow machine may take a bid so late that the caller has left by then. Then the next ones find it.
        var refused = 0;
        for (var i = 0; i < locked.Count && refused == 0; i++)
        {
            if (byStreams) await LeaveStreamAsync(stack, locked[i]);
            if (!byStreams || i >= places) refused += await IsRefusedAsync(stack, locked[i]) ? 1 : 0;
            await stack.BidAsync(other, "hal", 200 + 10 * i);
        }

        Assert.Equal(1, refused);
        await rows.CommitAsync();
        await stack.BidUntilKnownAsync(locked[0], "eve", 1_000);
    }

    /// <summary>Whether a bid with a short deadline is refused, and not taken and left.</summary>
    private static async Task<bool> IsRefusedAsync(BiddingStack stack, Guid auction)
    {
        var fault = await Assert.ThrowsAsync<RpcException>(async () => await stack.Client.PlaceBidAsync(
            Proxy(auction, 500), As("eve"), SoonUtc()));
        return RpcErrors.Reason(fault) == "TOO_MANY_IN_FLIGHT";
    }

    /// <summary>A stream with one bid, which ends before the bid is answered.</summary>
    private static async Task LeaveStreamAsync(BiddingStack stack, Guid auction)
    {
        using var call = stack.Client.PlaceBids(As("eve"), SoonUtc());
        var bid = new PlaceBidsRequest { Bid = Proxy(auction, 500) };
        await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await call.RequestStream.WriteAsync(bid);
            await call.ResponseStream.MoveNext();
        });
    }

    /// <summary>A deadline that is long enough for the service to take a bid, and far shorter than its wait.</summary>
    private static DateTime SoonUtc() => TimeProvider.System.GetUtcNow().UtcDateTime.AddMilliseconds(100);

    /// <returns>How many bids of one stream were answered with a result.</returns>
    private static async Task<int> BidAllAsync(BiddingStack stack, Guid auction, int index)
    {
        using var call = stack.Client.PlaceBids(As("eve"));
        var reading = Task.Run(async () =>
        {
            var answered = 0;
            await foreach (var answer in call.ResponseStream.ReadAllAsync())
            {
                Assert.True(answer.AnswerCase == PlaceBidsResponse.AnswerOneofCase.Result, $"{answer}");
                answered++;
            }

            return answered;
        });
        for (var i = 0; i < BidsPerStream; i++)
        {
            var bid = Proxy(auction, 1_000 + i * Streams + index);
            await call.RequestStream.WriteAsync(new PlaceBidsRequest { Bid = bid });
        }

        await call.RequestStream.CompleteAsync();
        return await reading;
    }
}
