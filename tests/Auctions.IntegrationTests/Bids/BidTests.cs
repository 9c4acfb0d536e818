using Auctions.Grpc;
using Auctions.IntegrationTests.Hosting;
using Google.Rpc;
using Grpc.Core;
using static Auctions.IntegrationTests.Bids.BiddingStack;
using static Auctions.IntegrationTests.Servers.TestStack;

namespace Auctions.IntegrationTests.Bids;

/// <summary>One BiddingService for the tests of a class. Each test opens its own auctions.</summary>
public sealed class BiddingFixture : IAsyncLifetime
{
    internal BiddingStack Stack { get; private set; } = null!;

    public async Task InitializeAsync() =>
        Stack = await BiddingStack.StartAsync(settings: "--Bidding:InFlightPerStreamMax=8");

    public async Task DisposeAsync() => await Stack.DisposeAsync();
}

public sealed class BidTests(BiddingFixture fixture) : IClassFixture<BiddingFixture>
{
    private readonly BiddingStack _stack = fixture.Stack;

    [Fact]
    public async Task The_answer_to_a_bid_has_the_state_after_it()
    {
        var auction = await _stack.OpenAsync();

        var first = await _stack.BidAsync(auction, "ann", 500);
        var second = await _stack.BidAsync(auction, "bob", 300);

        Assert.Equal((V1.BidOutcome.Leading, 1L, "ann", 1L),
            (first.Outcome, first.State.CurrentPrice.Units, first.State.LeaderId, first.State.Version));
        Assert.Equal((V1.BidOutcome.Outbid, "ann", 2L), (second.Outcome, second.State.LeaderId, second.State.Version));
        Assert.Equal(Usd(310), second.State.CurrentPrice);
        Assert.Equal(Usd(320), second.State.MinimumBid);
    }

    [Fact]
    public async Task A_rejection_is_an_answer_and_is_recorded()
    {
        var auction = await _stack.OpenAsync();

        var rejected = await _stack.BidAsync(auction, "ann", 99);

        Assert.Equal((V1.BidOutcome.Rejected, V1.RejectionReason.TooLow, ""),
            (rejected.Outcome, rejected.RejectionReason, rejected.BidId));
        Assert.Single((await _stack.AuditedAsync(auction)).Answers);
    }

    [Fact]
    public async Task The_same_key_gets_the_first_answer_even_after_Redis_lost_it()
    {
        var (auction, key, low) = (await _stack.OpenAsync(), Guid.NewGuid(), Guid.NewGuid());
        var first = await _stack.BidAsync(auction, "ann", 500, key);
        var rejected = await _stack.BidAsync(auction, "bob", 100, low);
        await _stack.BidAsync(auction, "bob", 900);

        var again = await _stack.BidAsync(auction, "ann", 500, key);
        await _stack.FlushRedisAsync();
        var afterFlush = await _stack.BidAsync(auction, "ann", 500, key);
        var rejectedAgain = await _stack.BidAsync(auction, "bob", 100, low);

        Assert.False(first.Replayed);
        Assert.True(again.Replayed && afterFlush.Replayed && rejectedAgain.Replayed);
        foreach (var replay in (V1.BidResult[])[again, afterFlush, rejectedAgain]) replay.Replayed = false;
        Assert.Equal(first, again);
        Assert.Equal(first, afterFlush);
        Assert.Equal(rejected, rejectedAgain);
    }

    [Fact]
    public async Task The_same_key_with_other_content_is_an_error()
    {
        var (auction, key) = (await _stack.OpenAsync(), Guid.NewGuid());
        await _stack.BidAsync(auction, "ann", 500, key);

        var error = await Assert.ThrowsAsync<RpcException>(() => _stack.BidAsync(auction, "ann", 600, key));

        Assert.Equal((StatusCode.InvalidArgument, "IDEMPOTENCY_KEY_REUSED"),
            (error.StatusCode, RpcErrors.Reason(error)));
    }

    [Fact]
    public async Task Concurrent_calls_with_one_key_get_one_answer()
    {
        var (auction, key) = (await _stack.OpenAsync(), Guid.NewGuid());

        var answers = await Task.WhenAll(
            Enumerable.Range(0, 50).Select(_ => _stack.BidAsync(auction, "ann", 500, key)));

        Assert.Single(answers.Select(a => a.BidId).Distinct());
        Assert.Single(answers, a => !a.Replayed);
        Assert.Equal(2, (await _stack.AuditedAsync(auction)).Entries.Count);
    }

    [Fact]
    public async Task A_bidder_can_ask_for_the_outcome_of_a_key()
    {
        var (auction, key) = (await _stack.OpenAsync(), Guid.NewGuid());
        var request = new V1.GetBidOutcomeRequest { AuctionId = $"{auction}", IdempotencyKey = $"{key}" };

        var before = await Assert.ThrowsAsync<RpcException>(() => OutcomeAsync("ann"));
        var bid = await _stack.BidAsync(auction, "ann", 500, key);
        var outcome = await OutcomeAsync("ann");
        var other = await Assert.ThrowsAsync<RpcException>(() => OutcomeAsync("bob"));

        Assert.Equal((StatusCode.NotFound, StatusCode.NotFound), (before.StatusCode, other.StatusCode));
        Assert.Equal(bid.BidId, outcome.Result.BidId);

        async Task<V1.GetBidOutcomeResponse> OutcomeAsync(string bidder) =>
            await _stack.Client.GetBidOutcomeAsync(request, As(bidder));
    }

    [Fact]
    public async Task After_a_purchase_bids_are_rejected()
    {
        var auction = await _stack.OpenAsync(buyNow: 1000);
        var request = new V1.BuyNowRequest { AuctionId = $"{auction}", IdempotencyKey = $"{Guid.NewGuid()}" };

        var bought = (await _stack.Client.BuyNowAsync(request, As("ann"))).Result;
        var late = await _stack.BidAsync(auction, "bob", 5000);

        Assert.Equal((V1.BidOutcome.Leading, Usd(1000)), (bought.Outcome, bought.State.CurrentPrice));
        Assert.Equal(V1.RejectionReason.Ended, late.RejectionReason);
    }

    [Fact]
    public async Task A_stream_answers_each_bid_by_its_key_and_an_error_ends_only_its_bid()
    {
        var auction = await _stack.OpenAsync();
        using var stream = _stack.Client.PlaceBids(As("ann"));
        var bids = Enumerable.Range(1, 40).Select(i => Proxy(auction, 100 + (i * 100))).ToList();
        bids[7].MaxAmount = null;

        foreach (var bid in bids) await stream.RequestStream.WriteAsync(new V1.PlaceBidsRequest { Bid = bid });
        await stream.RequestStream.CompleteAsync();
        var answers = new Dictionary<string, V1.PlaceBidsResponse>();
        await foreach (var answer in stream.ResponseStream.ReadAllAsync()) answers.Add(answer.IdempotencyKey, answer);

        Assert.Equal(bids.Select(b => b.IdempotencyKey).Order(), answers.Keys.Order());
        var error = Assert.Single(answers.Values, a => a.Error is not null);
        Assert.All(answers.Values, a => Assert.Equal($"{auction}", a.AuctionId));
        Assert.Equal((bids[7].IdempotencyKey, (int)StatusCode.InvalidArgument),
            (error.IdempotencyKey, error.Error.Code));
        Assert.Equal("FIELD_INVALID", error.Error.Details[0].Unpack<ErrorInfo>().Reason);
        var violation = Assert.Single(error.Error.Details[1].Unpack<BadRequest>().FieldViolations);
        Assert.Equal("amount", violation.Field);
    }

    [Fact]
    public async Task An_open_stream_does_not_delay_the_end_of_its_service()
    {
        await using var stack = await BiddingStack.StartAsync();
        var auction = await stack.OpenAsync();
        using var stream = stack.Client.PlaceBids(As("ann"));
        await stream.RequestStream.WriteAsync(new V1.PlaceBidsRequest { Bid = Proxy(auction, 500) });
        Assert.True(await Eventually.EndsAsync(stream.ResponseStream.MoveNext(CancellationToken.None)));

        var stopping = stack.Service.App.StopWithoutHasteAsync();
        await Assert.ThrowsAsync<RpcException>(
            () => Eventually.EndsAsync(stream.ResponseStream.MoveNext(CancellationToken.None)));
        await Eventually.EndsAsync(stopping);
    }

    [Fact]
    public async Task An_unknown_auction_is_not_found()
    {
        var error = await Assert.ThrowsAsync<RpcException>(() => _stack.BidAsync(Guid.NewGuid(), "ann", 500));

        Assert.Equal((StatusCode.NotFound, "AUCTION_NOT_FOUND"), (error.StatusCode, RpcErrors.Reason(error)));
    }

    [Theory]
    [InlineData("auction_id")]
    [InlineData("idempotency_key")]
    [InlineData("amount")]
    [InlineData("amount.currency_code")]
    [InlineData("amount.nanos")]
    [InlineData("max_amount")]
    [InlineData("max_amount.currency_code")]
    public async Task An_error_names_the_invalid_field_and_nothing_is_recorded(string field)
    {
        var auction = await _stack.OpenAsync();
        var request = Proxy(auction, 500);
        request.Amount = Usd(200);
        switch (field)
        {
            case "auction_id": request.AuctionId = "17"; break;
            case "idempotency_key": request.IdempotencyKey = ""; break;
            case "amount": request.Amount = Usd(0); break;
            case "amount.currency_code": request.Amount.CurrencyCode = "dollars"; break;
            case "amount.nanos": request.Amount.Nanos = 1; break;
            case "max_amount": request.MaxAmount = Usd(199); break;
            default: request.MaxAmount.CurrencyCode = "EUR"; break;
        }

        var error = await Assert.ThrowsAsync<RpcException>(
            async () => await _stack.Client.PlaceBidAsync(request, As("ann")));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal(field, Assert.Single(RpcErrors.Detail<BadRequest>(error)!.FieldViolations).Field);
        Assert.Empty((await _stack.AuditedAsync(auction)).Answers);
    }

    [Fact]
    public async Task Only_a_bidder_may_bid()
    {
        var request = Proxy(await _stack.OpenAsync(), 500);

        var nobody = await Assert.ThrowsAsync<RpcException>(async () => await _stack.Client.PlaceBidAsync(request));
        var viewer = await Assert.ThrowsAsync<RpcException>(
            async () => await _stack.Client.PlaceBidAsync(request, As("vic", Roles.Viewer)));

        Assert.Equal((StatusCode.Unauthenticated, StatusCode.PermissionDenied),
            (nobody.StatusCode, viewer.StatusCode));
    }
}
