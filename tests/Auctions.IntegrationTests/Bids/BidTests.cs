using Auctions.IntegrationTests.Hosting;
using Auctions.Grpc;
using Auctions.Hosting;
using Google.Rpc;
using Grpc.Core;
using V1 = Auctions.V1;

namespace Auctions.IntegrationTests.Bids;

/// <summary>One BiddingService for the tests of a class; each opens auctions of its own.</summary>
public sealed class BiddingFixture : IAsyncLifetime
{
    internal BiddingStack Stack { get; private set; } = null!;

    public async Task InitializeAsync() => Stack = await BiddingStack.StartAsync(settings: "--Bidding:InFlightPerStreamMax=8");

    public async Task DisposeAsync() => await Stack.DisposeAsync();
}

public sealed class BidTests(BiddingFixture fixture) : IClassFixture<BiddingFixture>
{
    private readonly BiddingStack _stack = fixture.Stack;

    [Fact]
    public async Task A_bid_is_answered_with_the_state_that_it_left()
    {
        var auction = await _stack.OpenAsync();

        var first = await _stack.BidAsync(auction, "ann", 500);
        var second = await _stack.BidAsync(auction, "bob", 300);

        Assert.Equal((V1.BidOutcome.Leading, 1L, "ann", 1L), (first.Outcome, first.State.CurrentPrice.Units, first.State.LeaderId, first.State.Version));
        Assert.Equal((V1.BidOutcome.Outbid, "ann", 2L), (second.Outcome, second.State.LeaderId, second.State.Version));
        Assert.Equal(BiddingStack.Usd(310), second.State.CurrentPrice);
        Assert.Equal(BiddingStack.Usd(320), second.State.MinimumBid);
    }

    [Fact]
    public async Task A_refusal_is_an_answer_and_is_recorded()
    {
        var auction = await _stack.OpenAsync();

        var refused = await _stack.BidAsync(auction, "ann", 99);

        Assert.Equal((V1.BidOutcome.Rejected, V1.RejectionReason.TooLow, ""), (refused.Outcome, refused.RejectionReason, refused.BidId));
        Assert.Single((await _stack.AuditedAsync(auction)).Answers);
    }

    [Fact]
    public async Task The_same_key_gives_the_first_answer_even_after_redis_has_forgotten()
    {
        var (auction, key, low) = (await _stack.OpenAsync(), Guid.NewGuid(), Guid.NewGuid());
        var first = await _stack.BidAsync(auction, "ann", 500, key);
        var refused = await _stack.BidAsync(auction, "bob", 100, low);
        await _stack.BidAsync(auction, "bob", 900);

        var again = await _stack.BidAsync(auction, "ann", 500, key);
        await _stack.FlushRedisAsync();
        var afterwards = await _stack.BidAsync(auction, "ann", 500, key);
        var refusedAgain = await _stack.BidAsync(auction, "bob", 100, low);

        Assert.False(first.Replayed);
        Assert.True(again.Replayed && afterwards.Replayed && refusedAgain.Replayed);
        foreach (var replay in (V1.BidResult[])[again, afterwards, refusedAgain]) replay.Replayed = false;
        Assert.Equal(first, again);
        Assert.Equal(first, afterwards);
        Assert.Equal(refused, refusedAgain);
    }

    [Fact]
    public async Task The_same_key_with_other_content_is_an_error()
    {
        var (auction, key) = (await _stack.OpenAsync(), Guid.NewGuid());
        await _stack.BidAsync(auction, "ann", 500, key);

        var error = await Assert.ThrowsAsync<RpcException>(() => _stack.BidAsync(auction, "ann", 600, key));

        Assert.Equal((StatusCode.InvalidArgument, "IDEMPOTENCY_KEY_REUSED"), (error.StatusCode, RpcErrors.Reason(error)));
    }

    [Fact]
    public async Task Calls_with_one_key_at_the_same_time_get_one_answer()
    {
        var (auction, key) = (await _stack.OpenAsync(), Guid.NewGuid());

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => _stack.BidAsync(auction, "ann", 500, key)));

        Assert.Single(answers.Select(a => a.BidId).Distinct());
        Assert.Single(answers, a => !a.Replayed);
        Assert.Equal(2, (await _stack.AuditedAsync(auction)).Entries.Count);
    }

    [Fact]
    public async Task The_outcome_of_a_key_can_be_asked_for()
    {
        var (auction, key) = (await _stack.OpenAsync(), Guid.NewGuid());
        var request = new V1.GetBidOutcomeRequest { AuctionId = $"{auction}", IdempotencyKey = $"{key}" };

        var before = await Assert.ThrowsAsync<RpcException>(async () => await _stack.Client.GetBidOutcomeAsync(request, BiddingStack.As("ann")));
        var bid = await _stack.BidAsync(auction, "ann", 500, key);
        var outcome = await _stack.Client.GetBidOutcomeAsync(request, BiddingStack.As("ann"));
        var others = await Assert.ThrowsAsync<RpcException>(async () => await _stack.Client.GetBidOutcomeAsync(request, BiddingStack.As("bob")));

        Assert.Equal((StatusCode.NotFound, StatusCode.NotFound), (before.StatusCode, others.StatusCode));
        Assert.Equal(bid.BidId, outcome.Result.BidId);
    }

    [Fact]
    public async Task Buying_now_leaves_nothing_to_bid_for()
    {
        var auction = await _stack.OpenAsync(buyNow: 1000);
        var request = new V1.BuyNowRequest { AuctionId = $"{auction}", IdempotencyKey = $"{Guid.NewGuid()}" };

        var bought = (await _stack.Client.BuyNowAsync(request, BiddingStack.As("ann"))).Result;
        var late = await _stack.BidAsync(auction, "bob", 5000);

        Assert.Equal((V1.BidOutcome.Leading, BiddingStack.Usd(1000)), (bought.Outcome, bought.State.CurrentPrice));
        Assert.Equal(V1.RejectionReason.Ended, late.RejectionReason);
    }

    [Fact]
    public async Task A_stream_answers_every_bid_by_its_key_and_faults_one_by_one()
    {
        var auction = await _stack.OpenAsync();
        using var stream = _stack.Client.PlaceBids(BiddingStack.As("ann"));
        var bids = Enumerable.Range(1, 40).Select(i => BiddingStack.Proxy(auction, 100 + (i * 100))).ToList();
        bids[7].MaxAmount = null;

        foreach (var bid in bids) await stream.RequestStream.WriteAsync(new V1.PlaceBidsRequest { Bid = bid });
        await stream.RequestStream.CompleteAsync();
        var answers = new Dictionary<string, V1.PlaceBidsResponse>();
        await foreach (var answer in stream.ResponseStream.ReadAllAsync()) answers.Add(answer.IdempotencyKey, answer);

        Assert.Equal(bids.Select(b => b.IdempotencyKey).Order(), answers.Keys.Order());
        var error = Assert.Single(answers.Values, a => a.Error is not null);
        Assert.All(answers.Values, a => Assert.Equal($"{auction}", a.AuctionId));
        Assert.Equal((bids[7].IdempotencyKey, (int)StatusCode.InvalidArgument), (error.IdempotencyKey, error.Error.Code));
        Assert.Equal("FIELD_INVALID", error.Error.Details[0].Unpack<Google.Rpc.ErrorInfo>().Reason);
        var violation = Assert.Single(error.Error.Details[1].Unpack<Google.Rpc.BadRequest>().FieldViolations);
        Assert.Equal("amount", violation.Field);
    }

    [Fact]
    public async Task An_open_stream_does_not_hold_up_the_end_of_its_service()
    {
        await using var stack = await BiddingStack.StartAsync();
        var auction = await stack.OpenAsync();
        using var stream = stack.Client.PlaceBids(BiddingStack.As("ann"));
        await stream.RequestStream.WriteAsync(new V1.PlaceBidsRequest { Bid = BiddingStack.Proxy(auction, 500) });
        Assert.True(await Eventually.EndsAsync(stream.ResponseStream.MoveNext(CancellationToken.None)));

        var stopping = stack.App.StopWithoutHasteAsync();
        await Assert.ThrowsAsync<RpcException>(() => Eventually.EndsAsync(stream.ResponseStream.MoveNext(CancellationToken.None)));
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
    public async Task Bad_input_is_named_by_field_and_changes_nothing(string field)
    {
        var auction = await _stack.OpenAsync();
        var request = BiddingStack.Proxy(auction, 500);
        request.Amount = BiddingStack.Usd(200);
        switch (field)
        {
            case "auction_id": request.AuctionId = "17"; break;
            case "idempotency_key": request.IdempotencyKey = ""; break;
            case "amount": request.Amount = BiddingStack.Usd(0); break;
            case "amount.currency_code": request.Amount.CurrencyCode = "dollars"; break;
            case "amount.nanos": request.Amount.Nanos = 1; break;
            case "max_amount": request.MaxAmount = BiddingStack.Usd(199); break;
            default: request.MaxAmount.CurrencyCode = "EUR"; break;
        }

        var error = await Assert.ThrowsAsync<RpcException>(async () => await _stack.Client.PlaceBidAsync(request, BiddingStack.As("ann")));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal(field, Assert.Single(RpcErrors.Detail<BadRequest>(error)!.FieldViolations).Field);
        Assert.Empty((await _stack.AuditedAsync(auction)).Answers);
    }

    [Fact]
    public async Task Only_a_bidder_bids()
    {
        var request = BiddingStack.Proxy(await _stack.OpenAsync(), 500);

        var nobody = await Assert.ThrowsAsync<RpcException>(async () => await _stack.Client.PlaceBidAsync(request));
        var viewer = await Assert.ThrowsAsync<RpcException>(async () => await _stack.Client.PlaceBidAsync(request, BiddingStack.As("vic", Roles.Viewer)));

        Assert.Equal((StatusCode.Unauthenticated, StatusCode.PermissionDenied), (nobody.StatusCode, viewer.StatusCode));
    }
}
