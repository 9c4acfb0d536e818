using Auctions.Core;
using Auctions.Grpc;
using Auctions.Hosting;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using V1 = Auctions.V1;

namespace Auctions.IntegrationTests.Life;

[Collection(LifeCollection.Name)]
public sealed class CreateAuctionTests(LifeFixture fixture) : IClassFixture<LifeFixture>
{
    private readonly LifeHost _host = fixture.Host;

    /// <summary>What is wrong with each, and the words in which it is said.</summary>
    private static readonly Dictionary<string, (Action<V1.Auction> Change, string Field, string Says)> Wrongs = new()
    {
        ["no title"] = (a => a.Title = " ", "auction.title", "must not be blank"),
        ["long title"] = (a => a.Title = new string('x', 201), "auction.title", "at most 200 characters, not 201"),
        ["title with a control character"] = (a => a.Title = "a\0b", "auction.title", "control characters"),
        ["description with NUL"] = (a => a.Description = "a\0", "auction.description", "control characters"),
        ["http picture"] = (a => a.MediaUrls.Add("http://x.example/y"), "auction.media_urls[1]", "https URL"),
        ["picture that is no URL"] = (a => a.MediaUrls.Add("nonsense"), "auction.media_urls[1]", "it is 'nonsense'"),
        ["many pictures"] = (a => a.MediaUrls.AddRange(Enumerable.Repeat("https://x.example/y", 20)), "auction.media_urls", "at most 20; it is 21"),
        ["long category"] = (a => a.Category = new string('x', 101), "auction.category", "at most 100"),
        ["unknown currency"] = (a => a.CurrencyCode = "XYZ", "auction.currency_code", "it is 'XYZ'"),
        ["no opening price"] = (a => a.OpeningPrice = null, "auction.opening_price", "must be set"),
        ["opening price of nothing"] = (a => a.OpeningPrice = LifeHost.Usd(0), "auction.opening_price", "at least 0.01 USD"),
        ["opening price finer than a cent"] = (a => a.OpeningPrice.Nanos = 1, "auction.opening_price.nanos", "multiple of 10000000; it is 1"),
        ["opening price in another currency"] = (a => a.OpeningPrice.CurrencyCode = "EUR", "auction.opening_price.currency_code", "USD; it is 'EUR'"),
        ["negative opening price"] = (a => a.OpeningPrice.Units = -10, "auction.opening_price", "must not be negative"),
        ["opening price above all"] = (a => a.OpeningPrice.Units = 1L << 53, "auction.opening_price", "2^53 - 1"),
        ["reserve not above opening"] = (a => a.ReservePrice = LifeHost.Usd(10_00), "auction.reserve_price", "above the opening price, 10 USD"),
        ["buy-now below 130 %"] = (a => a.BuyNowPrice = LifeHost.Usd(12_99), "auction.buy_now_price", "at least 130 % of the opening price, 10 USD"),
        ["buy-now below the reserve"] = (a => (a.ReservePrice, a.BuyNowPrice) = (LifeHost.Usd(30_00), LifeHost.Usd(29_99)), "auction.buy_now_price", "not be below the reserve, 30 USD"),
        ["no increment"] = (a => a.Increment = null, "auction.increment", "must be set"),
        ["increment of nothing"] = (a => a.Increment = new V1.IncrementRule { Fixed = LifeHost.Usd(0) }, "auction.increment.fixed", "at least 0.01"),
        ["0 basis points"] = (a => a.Increment = new V1.IncrementRule { BasisPoints = 0 }, "auction.increment.basis_points", "1 to 10000; it is 0"),
        ["10,001 basis points"] = (a => a.Increment = new V1.IncrementRule { BasisPoints = 10_001 }, "auction.increment.basis_points", "1 to 10000"),
        ["unknown table"] = (a => a.Increment = new V1.IncrementRule { Table = "ebay-mars" }, "auction.increment.table", "it is 'ebay-mars'"),
        ["start long past"] = (a => a.StartTime = LifeHost.In(TimeSpan.FromSeconds(-90)), "auction.start_time", "more than a minute past"),
        ["start far ahead"] = (a => (a.StartTime, a.OriginalEndTime) = (LifeHost.In(TimeSpan.FromDays(400)), LifeHost.In(TimeSpan.FromDays(401))), "auction.start_time", "within 365 days"),
        ["start that is no time"] = (a => a.StartTime = new Timestamp { Nanos = -1 }, "auction.start_time", "years 1 to 9999"),
        ["no end"] = (a => a.OriginalEndTime = null, "auction.original_end_time", "must be set"),
        ["end before the start"] = (a => a.OriginalEndTime = LifeHost.In(TimeSpan.FromSeconds(-1)), "auction.original_end_time", "after the start"),
        ["end right after the start"] = (a => (a.StartTime, a.OriginalEndTime) = (LifeHost.In(TimeSpan.FromHours(1)), LifeHost.In(TimeSpan.FromHours(1) + TimeSpan.FromMilliseconds(900))), "auction.original_end_time", "1 second to 30 days"),
        ["end after 31 days"] = (a => a.OriginalEndTime = LifeHost.In(TimeSpan.FromDays(31)), "auction.original_end_time", "1 second to 30 days"),
        ["101 extensions"] = (a => a.SoftClose = Soft(60, 60, 101), "auction.soft_close.max_extensions", "0 (no soft close) to 100; it is 101"),
        ["negative extensions"] = (a => a.SoftClose = Soft(60, 60, -1), "auction.soft_close.max_extensions", "it is -1"),
        ["no window"] = (a => a.SoftClose = new V1.SoftClose { Extension = Duration.FromTimeSpan(TimeSpan.FromMinutes(1)), MaxExtensions = 1 }, "auction.soft_close.window", "1 second to 1 hour; it is not set"),
        ["short window"] = (a => a.SoftClose = Soft(0.5, 60, 1), "auction.soft_close.window", "1 second to 1 hour"),
        ["long extension"] = (a => a.SoftClose = Soft(60, 3_601, 1), "auction.soft_close.extension", "1 second to 1 hour"),
    };

    public static TheoryData<string> WrongNames => [.. Wrongs.Keys];

    [Fact]
    public async Task An_auction_reads_back_as_it_was_created()
    {
        var asked = LifeHost.Request(a =>
        {
            a.ReservePrice = LifeHost.Usd(50_00);
            a.BuyNowPrice = LifeHost.Usd(99_00);
            a.SoftClose = Soft(120, 60, 3);
            a.Increment = new V1.IncrementRule { Table = "ebay-us" };
            a.AuctionId = "ignored";
            a.SellerId = "ignored";
            a.State = new V1.AuctionState { BidCount = 7 };
        });
        var created = (await _host.Client.CreateAuctionAsync(asked, LifeHost.As("sel"))).Auction;
        Assert.Equal(created, (await _host.Client.GetAuctionAsync(new V1.GetAuctionRequest { AuctionId = created.AuctionId }, LifeHost.As("sel", Roles.Viewer))).Auction);

        Assert.True(Guid.TryParseExact(created.AuctionId, "D", out _));
        Assert.Equal(("sel", "A clock", "Ticks.\nSometimes.", "clocks", "post-1"), (created.SellerId, created.Title, created.Description, created.Category, created.PostId));
        Assert.Equal(asked.Auction.MediaUrls, created.MediaUrls);
        Assert.Equal((asked.Auction.OpeningPrice, asked.Auction.ReservePrice, asked.Auction.BuyNowPrice), (created.OpeningPrice, created.ReservePrice, created.BuyNowPrice));
        Assert.Equal((asked.Auction.Increment, asked.Auction.SoftClose, asked.Auction.OriginalEndTime), (created.Increment, created.SoftClose, created.OriginalEndTime));
        Assert.Equal((0L, V1.AuctionStatus.Active, 0L, false), (created.State.Version, created.State.Status, created.State.BidCount, created.State.ReserveMet));
        Assert.Equal((created.OpeningPrice, created.OriginalEndTime, created.CreateTime), (created.State.MinimumBid, created.State.EndTime, created.StartTime));
        Assert.Null(created.State.CurrentPrice);
    }

    [Fact]
    public async Task The_reserve_is_its_sellers_secret()
    {
        var created = await _host.CreateAsync(a => a.ReservePrice = LifeHost.Usd(50_00));
        foreach (var headers in new[] { new Metadata(), LifeHost.As("other"), LifeHost.As("svc", Roles.Service) })
        {
            var seen = (await _host.Client.GetAuctionAsync(new V1.GetAuctionRequest { AuctionId = created.AuctionId }, headers)).Auction;
            Assert.True(seen.HasReserve);
            Assert.Null(seen.ReservePrice);
        }
    }

    [Fact]
    public async Task Buy_it_now_is_gone_with_the_first_bid()
    {
        var created = await _host.CreateAsync(a => a.BuyNowPrice = LifeHost.Usd(99_00));
        Assert.NotNull(created.BuyNowPrice);
        await _host.BidAsync(created, "ann", 20_00);
        Assert.Null((await _host.GetAsync(created)).BuyNowPrice);
    }

    [Theory]
    [MemberData(nameof(WrongNames))]
    public async Task What_breaks_a_rule_is_refused_by_field_and_rule_and_nothing_is_written(string wrong)
    {
        var (change, field, says) = Wrongs[wrong];
        var seller = $"sel-{Guid.NewGuid()}";
        var e = await Assert.ThrowsAsync<RpcException>(() => _host.CreateAsync(change, seller));
        Assert.Equal((StatusCode.InvalidArgument, RpcErrors.FieldInvalid), (e.StatusCode, RpcErrors.Reason(e)));
        var violation = Assert.Single(RpcErrors.Detail<BadRequest>(e)!.FieldViolations, v => v.Field == field);
        Assert.Contains(says, violation.Description, StringComparison.Ordinal);
        Assert.Equal(0, await _host.CountAsync($"select count(*) from auctions where seller_id = '{seller}'"));
    }

    [Fact]
    public async Task All_that_is_wrong_is_told_at_once()
    {
        var e = await Assert.ThrowsAsync<RpcException>(async () => await _host.Client.CreateAuctionAsync(
            new V1.CreateAuctionRequest { Auction = new V1.Auction(), IdempotencyKey = Guid.NewGuid().ToString() }, LifeHost.As("sel")));
        Assert.Equal(["auction.title", "auction.original_end_time", "auction.currency_code"],
            RpcErrors.Detail<BadRequest>(e)!.FieldViolations.Select(v => v.Field));
    }

    [Fact]
    public async Task What_is_just_within_the_rules_is_accepted()
    {
        await _host.CreateAsync(a => a.Title = new string('x', 200));
        await _host.CreateAsync(a => a.BuyNowPrice = LifeHost.Usd(13_00));
        await _host.CreateAsync(a => a.Increment = new V1.IncrementRule { BasisPoints = 10_000 });
        await _host.CreateAsync(a => a.Increment = new V1.IncrementRule { Table = "steep" });
        await _host.CreateAsync(a => a.SoftClose = Soft(1, 3_600, 100));
        Assert.Null((await _host.CreateAsync(a => a.SoftClose = new V1.SoftClose())).SoftClose);
        await _host.CreateAsync(a => (a.StartTime, a.OriginalEndTime) = (LifeHost.In(TimeSpan.FromDays(300)), LifeHost.In(TimeSpan.FromDays(329))));

        // Up to a minute past is now.
        var late = await _host.CreateAsync(a => a.StartTime = LifeHost.In(TimeSpan.FromSeconds(-50)));
        Assert.Equal((V1.AuctionStatus.Active, late.CreateTime), (late.State.Status, late.StartTime));
    }

    [Fact]
    public async Task The_same_key_gives_the_same_auction_however_often_and_together()
    {
        var request = LifeHost.Request();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ => (await _host.Client.CreateAuctionAsync(request, LifeHost.As("sel"))).Auction));
        Assert.Single(answers.Select(a => a.AuctionId).Distinct());
        Assert.Equal(1, await _host.CountAsync($"select count(*) from auctions where create_key = '{request.IdempotencyKey}'"));

        // The key is the seller's own.
        var other = (await _host.Client.CreateAuctionAsync(request, LifeHost.As("other"))).Auction;
        Assert.NotEqual(answers[0].AuctionId, other.AuctionId);
    }

    [Fact]
    public async Task A_retry_is_answered_even_after_the_auction_has_ended()
    {
        var request = LifeHost.Request(a => a.OriginalEndTime = LifeHost.In(TimeSpan.FromSeconds(1.2)));
        var created = (await _host.Client.CreateAuctionAsync(request, LifeHost.As("sel"))).Auction;
        await _host.EndedAsync(created);
        Assert.Equal(created.AuctionId, (await _host.Client.CreateAuctionAsync(request, LifeHost.As("sel"))).Auction.AuctionId);
    }

    [Fact]
    public async Task The_same_key_for_something_else_is_an_error()
    {
        var request = LifeHost.Request();
        await _host.Client.CreateAuctionAsync(request, LifeHost.As("sel"));
        request.Auction.OpeningPrice = LifeHost.Usd(10_01);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await _host.Client.CreateAuctionAsync(request, LifeHost.As("sel")));
        Assert.Equal((StatusCode.InvalidArgument, RpcErrors.KeyReusedReason), (e.StatusCode, RpcErrors.Reason(e)));
    }

    [Fact]
    public async Task Sellers_and_services_create_and_no_one_else()
    {
        await _host.Client.CreateAuctionAsync(LifeHost.Request(), LifeHost.As("svc", Roles.Service));
        foreach (var (headers, code) in new[]
        {
            (new Metadata(), StatusCode.Unauthenticated), (LifeHost.As("b", Roles.Bidder | Roles.Viewer), StatusCode.PermissionDenied),
        })
        {
            var e = await Assert.ThrowsAsync<RpcException>(async () => await _host.Client.CreateAuctionAsync(LifeHost.Request(), headers));
            Assert.Equal(code, e.StatusCode);
        }
    }

    [Fact]
    public async Task What_is_not_there_is_not_found_and_what_is_no_id_is_refused()
    {
        var e = await Assert.ThrowsAsync<RpcException>(() => _host.GetAsync(new V1.Auction { AuctionId = Guid.NewGuid().ToString() }));
        Assert.Equal((StatusCode.NotFound, "AUCTION_NOT_FOUND"), (e.StatusCode, RpcErrors.Reason(e)));
        e = await Assert.ThrowsAsync<RpcException>(() => _host.GetAsync(new V1.Auction { AuctionId = "17" }));
        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        e = await Assert.ThrowsAsync<RpcException>(async () => await _host.Client.UpdateAuctionAsync(new V1.UpdateAuctionRequest(), LifeHost.As("sel")));
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    [Fact]
    public async Task Bids_are_listed_newest_first_a_page_at_a_time()
    {
        var auction = await _host.CreateAsync();
        for (var i = 0; i < 7; i++) await _host.BidAsync(auction, i % 2 == 0 ? "ann" : "bob", 20_00 + 10_00 * i);

        var (pages, token) = (new List<V1.Bid>(), "");
        do
        {
            var page = await _host.Client.ListBidsAsync(new V1.ListBidsRequest { AuctionId = auction.AuctionId, PageSize = 3, PageToken = token });
            Assert.Equal(7, page.TotalSize);
            pages.AddRange(page.Bids);
            token = page.NextPageToken;
        }
        while (token.Length > 0);

        Assert.Equal([7, 6, 5, 4, 3, 2, 1], pages.Select(b => b.Version));
        Assert.Equal(("ann", V1.BidKind.Proxy, LifeHost.Usd(10_00), "ann"), (pages[^1].BidderId, pages[^1].Kind, pages[^1].Amount, pages[^1].LeaderAfter));
        Assert.DoesNotContain(LifeHost.Usd(80_00), pages.SelectMany(b => new[] { b.Amount, b.PriceAfter }));
        Assert.Equal(7, (await _host.Client.ListBidsAsync(new V1.ListBidsRequest { AuctionId = auction.AuctionId })).Bids.Count);

        var other = await _host.CreateAsync();
        var first = await _host.Client.ListBidsAsync(new V1.ListBidsRequest { AuctionId = auction.AuctionId, PageSize = 3 });
        foreach (var bad in new[]
        {
            new V1.ListBidsRequest { AuctionId = other.AuctionId, PageToken = first.NextPageToken },
            new V1.ListBidsRequest { AuctionId = auction.AuctionId, PageSize = -1 },
        })
        {
            var e = await Assert.ThrowsAsync<RpcException>(async () => await _host.Client.ListBidsAsync(bad));
            Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        }
    }

    private static V1.SoftClose Soft(double windowS, double extensionS, int max) => new()
    {
        Window = Duration.FromTimeSpan(TimeSpan.FromSeconds(windowS)),
        Extension = Duration.FromTimeSpan(TimeSpan.FromSeconds(extensionS)),
        MaxExtensions = max,
    };
}
