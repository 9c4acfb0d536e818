using Auctions.Grpc;
using Auctions.IntegrationTests.Servers;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Microsoft.Extensions.Options;
using static Auctions.IntegrationTests.Life.AuctionStack;
using static Auctions.IntegrationTests.Servers.TestStack;

namespace Auctions.IntegrationTests.Life;

[Collection(ServersCollection.Name)]
public sealed class CreateAuctionTests(AuctionFixture fixture) : IClassFixture<AuctionFixture>
{
    private readonly AuctionStack _stack = fixture.Stack;

    /// <summary>Invalid auctions, the field that the error names, and a part of its text.</summary>
    private static readonly Dictionary<string, (Action<V1.Auction> Change, string Field, string Says)> Invalid = new()
    {
        ["no title"] = (a => a.Title = "", "title", "must not be empty"),
        ["blank title"] = (a => a.Title = " ", "title", "at least one visible character"),
        ["long title"] = (a => a.Title = new string('x', 201), "title", "at most 200 characters, not 201"),
        ["long title of emoji"] =
            (a => a.Title = Repeat("\U0001F570", 201), "title", "at most 200 characters, not 201"),
        ["letter with many marks"] =
            (a => a.Title = "a" + new string('\u0301', 60_000), "title", "at most 1600 bytes in UTF-8, not 120001"),
        ["title with a control character"] = (a => a.Title = "a\0b", "title", "control characters"),
        ["description with NUL"] = (a => a.Description = "a\0", "description", "control characters"),
        ["http picture"] = (a => a.MediaUrls.Add("http://x.example/y"), "media_urls[1]", "https URL"),
        ["picture with a password"] =
            (a => a.MediaUrls.Add("https://a:b@x.example/y"), "media_urls[1]", "user information"),
        ["picture that is no URL"] = (a => a.MediaUrls.Add("nonsense"), "media_urls[1]", "it is 'nonsense'"),
        ["many pictures"] = (a => a.MediaUrls.AddRange(Enumerable.Repeat("https://x.example/y", 20)),
            "media_urls", "at most 20; it is 21"),
        ["long category"] = (a => a.Category = new string('x', 101), "category", "at most 100"),
        ["unknown currency"] = (a => a.CurrencyCode = "XYZ", "currency_code", "it is 'XYZ'"),
        ["gold"] = (a => a.CurrencyCode = "XAU", "currency_code", "with a minor unit"),
        ["withdrawn currency"] = (a => a.CurrencyCode = "BGN", "currency_code", "not withdrawn; it is 'BGN'"),
        ["no opening price"] = (a => a.OpeningPrice = null, "opening_price", "must be set"),
        ["opening price of nothing"] = (a => a.OpeningPrice = Usd(0), "opening_price", "at least 0.01 USD"),
        ["opening price finer than a cent"] =
            (a => a.OpeningPrice.Nanos = 1, "opening_price.nanos", "multiple of 10000000; it is 1"),
        ["opening price in another currency"] =
            (a => a.OpeningPrice.CurrencyCode = "EUR", "opening_price.currency_code", "USD; it is 'EUR'"),
        ["negative opening price"] = (a => a.OpeningPrice.Units = -10, "opening_price", "must not be negative"),
        ["opening price above all"] = (a => a.OpeningPrice.Units = 1L << 53, "opening_price", "2^53 - 1"),
        ["reserve not above opening"] =
            (a => a.ReservePrice = Usd(10_00), "reserve_price", "above the opening price, 10 USD"),
        ["buy-now below 130 %"] =
            (a => a.BuyNowPrice = Usd(12_99), "buy_now_price", "at least 130 % of the opening price, 10 USD"),
        ["buy-now below the reserve"] = (a => (a.ReservePrice, a.BuyNowPrice) = (Usd(30_00), Usd(29_99)),
            "buy_now_price", "not be below the reserve, 30 USD"),
        ["no increment"] = (a => a.Increment = null, "increment", "must be set"),
        ["increment of nothing"] =
            (a => a.Increment = new V1.IncrementRule { Fixed = Usd(0) }, "increment.fixed", "at least 0.01"),
        ["0 basis points"] = (a => a.Increment = new V1.IncrementRule { BasisPoints = 0 },
            "increment.basis_points", "1 to 10000; it is 0"),
        ["10,001 basis points"] =
            (a => a.Increment = new V1.IncrementRule { BasisPoints = 10_001 }, "increment.basis_points", "1 to 10000"),
        ["unknown table"] =
            (a => a.Increment = new V1.IncrementRule { Table = "ebay-mars" }, "increment.table", "it is 'ebay-mars'"),
        ["table of another currency"] =
            (a => InEuro(a).Increment = new V1.IncrementRule { Table = "ebay-us" },
            "increment.table", "of the auction's currency, EUR, not of USD; it is 'ebay-us'"),
        ["start long past"] =
            (a => a.StartTime = In(TimeSpan.FromSeconds(-90)), "start_time", "more than a minute past"),
        ["start far ahead"] =
            (a => Lasts(a, TimeSpan.FromDays(400), TimeSpan.FromDays(1)), "start_time", "within 365 days"),
        ["start that is no time"] = (a => a.StartTime = new Timestamp { Nanos = -1 }, "start_time", "years 1 to 9999"),
        ["no end"] = (a => a.OriginalEndTime = null, "original_end_time", "must be set"),
        ["end before the start"] =
            (a => a.OriginalEndTime = In(TimeSpan.FromSeconds(-1)), "original_end_time", "after the start"),
        ["end right after the start"] = (a => Lasts(a, TimeSpan.FromHours(1), TimeSpan.FromMilliseconds(900)),
            "original_end_time", "1 second to 30 days"),
        ["end after 31 days"] =
            (a => a.OriginalEndTime = In(TimeSpan.FromDays(31)), "original_end_time", "1 second to 30 days"),
        ["101 extensions"] =
            (a => a.SoftClose = Soft(60, 60, 101), "soft_close.max_extensions", "0 (no soft close) to 100; it is 101"),
        ["negative extensions"] = (a => a.SoftClose = Soft(60, 60, -1), "soft_close.max_extensions", "it is -1"),
        ["no window"] =
            (a => a.SoftClose = new V1.SoftClose { Extension = Soft(60, 60, 1).Extension, MaxExtensions = 1 },
            "soft_close.window", "1 second to 1 hour; it is not set"),
        ["short window"] = (a => a.SoftClose = Soft(0.5, 60, 1), "soft_close.window", "1 second to 1 hour"),
        ["long extension"] = (a => a.SoftClose = Soft(60, 3_601, 1), "soft_close.extension", "1 second to 1 hour"),
    };

    public static TheoryData<string> InvalidNames => [.. Invalid.Keys];

    [Fact]
    public async Task An_auction_reads_back_as_it_was_created()
    {
        var asked = Request(a =>
        {
            a.ReservePrice = Usd(50_00);
            a.BuyNowPrice = Usd(99_00);
            a.SoftClose = Soft(120, 60, 3);
            a.Increment = new V1.IncrementRule { Table = "ebay-us" };
            a.AuctionId = "ignored";
            a.SellerId = "ignored";
            a.State = new V1.AuctionState { BidCount = 7 };
        });
        var created = (await _stack.Client.CreateAuctionAsync(asked, As("sel"))).Auction;
        Assert.Equal(created, await ReadAsync(created, As("sel", Roles.Viewer)));

        Assert.True(Guid.TryParseExact(created.AuctionId, "D", out _));
        Assert.Equal(("sel", "A clock", "Ticks.\nSometimes.", "clocks", "post-1"),
            (created.SellerId, created.Title, created.Description, created.Category, created.PostId));
        Assert.Equal(asked.Auction.MediaUrls, created.MediaUrls);
        Assert.Equal((asked.Auction.OpeningPrice, asked.Auction.ReservePrice, asked.Auction.BuyNowPrice),
            (created.OpeningPrice, created.ReservePrice, created.BuyNowPrice));
        Assert.Equal((asked.Auction.Increment, asked.Auction.SoftClose, asked.Auction.OriginalEndTime),
            (created.Increment, created.SoftClose, created.OriginalEndTime));
        var state = created.State;
        Assert.Equal((0L, V1.AuctionStatus.Active, 0L, false),
            (state.Version, state.Status, state.BidCount, state.ReserveMet));
        Assert.Equal((created.OpeningPrice, created.OriginalEndTime, created.CreateTime),
            (state.MinimumBid, state.EndTime, created.StartTime));
        Assert.Null(created.State.CurrentPrice);
    }

    [Fact]
    public async Task Only_the_seller_sees_the_reserve()
    {
        var created = await _stack.CreateAsync(a => a.ReservePrice = Usd(50_00));
        foreach (var headers in new[] { new Metadata(), As("other"), As("svc", Roles.Service) })
        {
            var seen = await ReadAsync(created, headers);
            Assert.True(seen.HasReserve);
            Assert.Null(seen.ReservePrice);
        }
    }

    [Fact]
    public async Task The_first_bid_removes_the_buy_now_price()
    {
        var created = await _stack.CreateAsync(a => a.BuyNowPrice = Usd(99_00));
        Assert.NotNull(created.BuyNowPrice);
        await _stack.BidAsync(created, "ann", 20_00);
        Assert.Null((await _stack.GetAsync(created)).BuyNowPrice);
    }

    [Theory]
    [MemberData(nameof(InvalidNames))]
    public async Task An_invalid_auction_is_an_error_with_field_and_rule_and_nothing_is_written(string name)
    {
        var (change, field, says) = Invalid[name];
        var seller = $"sel-{Guid.NewGuid()}";
        var e = await Assert.ThrowsAsync<RpcException>(() => _stack.CreateAsync(change, seller));
        Assert.Equal((StatusCode.InvalidArgument, RpcErrors.FieldInvalid), (e.StatusCode, RpcErrors.Reason(e)));
        var violation = Assert.Single(
            RpcErrors.Detail<BadRequest>(e)!.FieldViolations, v => v.Field == $"auction.{field}");
        Assert.Contains(says, violation.Description, StringComparison.Ordinal);
        Assert.Equal(0, await _stack.CountAsync($"select count(*) from auctions where seller_id = '{seller}'"));
    }

    [Fact]
    public async Task An_error_names_all_invalid_fields_at_once()
    {
        var request = new V1.CreateAuctionRequest { Auction = new V1.Auction(), IdempotencyKey = $"{Guid.NewGuid()}" };
        var e = await Assert.ThrowsAsync<RpcException>(() => SendAsync(request, As("sel")));
        Assert.Equal(["auction.title", "auction.original_end_time", "auction.currency_code"],
            RpcErrors.Detail<BadRequest>(e)!.FieldViolations.Select(v => v.Field));
    }

    [Fact]
    public async Task An_auction_just_within_the_limits_is_accepted()
    {
        await _stack.CreateAsync(a => a.Title = new string('x', 200));
        await _stack.CreateAsync(a => a.Title = Repeat("\U0001F570", 200));
        await _stack.CreateAsync(a => a.BuyNowPrice = Usd(13_00));
        await _stack.CreateAsync(a => a.Increment = new V1.IncrementRule { BasisPoints = 10_000 });
        await _stack.CreateAsync(a => a.Increment = new V1.IncrementRule { Table = "steep" });
        await _stack.CreateAsync(a => a.SoftClose = Soft(1, 3_600, 100));
        Assert.Null((await _stack.CreateAsync(a => a.SoftClose = new V1.SoftClose())).SoftClose);
        await _stack.CreateAsync(a => Lasts(a, TimeSpan.FromDays(300), TimeSpan.FromDays(29)));

        // A start less than a minute ago means now.
        var late = await _stack.CreateAsync(a => a.StartTime = In(TimeSpan.FromSeconds(-1)));
        Assert.Equal((V1.AuctionStatus.Active, late.CreateTime), (late.State.Status, late.StartTime));
    }

    [Fact]
    public async Task The_largest_auction_is_accepted_and_read_back()
    {
        var url = "https://x.example/" + new string('y', 2_030);
        var largest = await _stack.CreateAsync(a =>
        {
            a.Title = Repeat("\U0001F44D\U0001F3FD", 200); // eight bytes each
            a.Description = Repeat("\U0001F44D\U0001F3FD", 20_000);
            a.MediaUrls.Clear();
            a.MediaUrls.AddRange(Enumerable.Repeat(url, 20));
            a.Category = Repeat("\U0001F44D\U0001F3FD", 100);
            a.PostId = Repeat("\U0001F44D\U0001F3FD", 128);
        });
        Assert.Equal((url, largest.Description), ((await _stack.GetAsync(largest)).MediaUrls[19], largest.Description));
        await _stack.CreateAsync(a => a.Description = new string('字', 20_000));
    }

    [Theory]
    [InlineData("PKR", 2)]
    [InlineData("RSD", 2)]
    [InlineData("UYU", 2)]
    [InlineData("LYD", 3)]
    [InlineData("IQD", 3)]
    [InlineData("JPY", 0)]
    [InlineData("CLF", 4)]
    [InlineData("UYW", 4)]
    public async Task A_currency_has_the_decimals_of_its_minor_unit(string code, int decimals)
    {
        var nanos = decimals == 0 ? 0 : (int)Math.Pow(10, 9 - decimals);
        var least = new V1.Money { CurrencyCode = code, Units = 1, Nanos = nanos };
        var created = await _stack.CreateAsync(a =>
        {
            a.CurrencyCode = code;
            a.OpeningPrice = least;
            a.Increment = new V1.IncrementRule { BasisPoints = 100 };
        });
        Assert.Equal((least, least), (created.OpeningPrice, created.State.MinimumBid));
        var e = await Assert.ThrowsAsync<RpcException>(() => _stack.CreateAsync(a =>
        {
            a.CurrencyCode = code;
            a.OpeningPrice = least.Clone();
            a.OpeningPrice.Nanos = (int)Math.Pow(10, 8 - decimals);
        }));
        Assert.Contains($"which has {decimals} decimals", e.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_auction_in_a_withdrawn_currency_stays_readable()
    {
        var created = await _stack.CreateAsync();
        await _stack.ByHandAsync($"update auctions set currency = 'BGN' where id = '{created.AuctionId}'");
        var read = await _stack.GetAsync(created);
        Assert.Equal(("BGN", "BGN", ""), (read.CurrencyCode, read.OpeningPrice.CurrencyCode, read.Fault));
    }

    [Theory]
    [InlineData("HTTPS://Example.ORG:443/a/../b", "https://example.org/b")]
    [InlineData("https://bücher.example/ä?q=ö#ü", "https://xn--bcher-kva.example/%C3%A4?q=%C3%B6#%C3%BC")]
    [InlineData("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443/x")]
    [InlineData("https://x.example/\u202Egpj.exe", "https://x.example/%E2%80%AEgpj.exe")]
    [InlineData("https://x.example/%22%27%20", "https://x.example/%22%27%20")]
    [InlineData("https://@x.example/", null)]
    [InlineData("https://a@x.example/", null)]
    [InlineData("https://x.example/\"onerror=alert(1)", null)]
    [InlineData("https://x.example/'", null)]
    [InlineData("https://x.example/<b>", null)]
    [InlineData("https://x.example/a b", null)]
    [InlineData("https://x.example/a\tb", null)]
    [InlineData(" https://x.example/", null)]
    [InlineData("https://x.example/\u00A0", null)]
    [InlineData("https:\\\\x.example\\y", null)]
    [InlineData("https:///x", null)]
    [InlineData("//x.example/y", null)]
    [InlineData("/x/y", null)]
    [InlineData("javascript:alert(1)", null)]
    [InlineData("data:text/html,x", null)]
    public async Task A_picture_is_stored_in_its_normal_form_or_refused(string url, string? normal)
    {
        var created = _stack.CreateAsync(a =>
        {
            a.MediaUrls.Clear();
            a.MediaUrls.Add(url);
        });
        if (normal is not null) Assert.Equal([normal], (await created).MediaUrls);
        else await Assert.ThrowsAsync<RpcException>(() => created);
    }

    [Fact]
    public async Task Concurrent_calls_with_the_same_key_create_one_auction()
    {
        var request = Request();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => SendAsync(request, As("sel"))));
        Assert.Single(answers.Select(a => a.AuctionId).Distinct());
        Assert.Equal(1, await _stack.CountAsync(
            $"select count(*) from auctions where create_key = '{request.IdempotencyKey}'"));

        // Two sellers may use the same key.
        var other = await SendAsync(request, As("other"));
        Assert.NotEqual(answers[0].AuctionId, other.AuctionId);
    }

    [Fact]
    public async Task A_retry_gets_the_auction_even_after_its_end()
    {
        var request = Request();
        var created = await SendAsync(request, As("sel"));
        await _stack.MakeDueAsync($"id = '{created.AuctionId}'");
        await _stack.EndedAsync(created);
        Assert.Equal(created.AuctionId, (await SendAsync(request, As("sel"))).AuctionId);
    }

    [Fact]
    public async Task The_same_key_with_other_content_is_an_error()
    {
        var request = Request();
        await SendAsync(request, As("sel"));
        request.Auction.OpeningPrice = Usd(10_01);
        var e = await Assert.ThrowsAsync<RpcException>(() => SendAsync(request, As("sel")));
        Assert.Equal((StatusCode.InvalidArgument, RpcErrors.KeyReusedReason), (e.StatusCode, RpcErrors.Reason(e)));
    }

    [Fact]
    public async Task Only_sellers_and_services_may_create_auctions()
    {
        await SendAsync(Request(), As("svc", Roles.Service));
        foreach (var (headers, code) in new[]
        {
            (new Metadata(), StatusCode.Unauthenticated),
            (As("b", Roles.Bidder | Roles.Viewer), StatusCode.PermissionDenied),
        })
        {
            var e = await Assert.ThrowsAsync<RpcException>(() => SendAsync(Request(), headers));
            Assert.Equal(code, e.StatusCode);
        }
    }

    [Fact]
    public async Task An_unknown_auction_is_not_found_and_an_invalid_id_is_an_error()
    {
        var unknown = new V1.Auction { AuctionId = $"{Guid.NewGuid()}" };
        var e = await Assert.ThrowsAsync<RpcException>(() => _stack.GetAsync(unknown));
        Assert.Equal((StatusCode.NotFound, "AUCTION_NOT_FOUND"), (e.StatusCode, RpcErrors.Reason(e)));
        e = await Assert.ThrowsAsync<RpcException>(() => _stack.GetAsync(new V1.Auction { AuctionId = "17" }));
        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        e = await Assert.ThrowsAsync<RpcException>(
            async () => await _stack.Client.UpdateAuctionAsync(new V1.UpdateAuctionRequest(), As("sel")));
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    [Fact]
    public async Task Bids_are_listed_newest_first_a_page_at_a_time()
    {
        var auction = await _stack.CreateAsync();
        for (var i = 0; i < 7; i++) await _stack.BidAsync(auction, i % 2 == 0 ? "ann" : "bob", 20_00 + 10_00 * i);

        var (pages, token) = (new List<V1.Bid>(), "");
        do
        {
            var page = await ListAsync(auction, pageSize: 3, token);
            Assert.Equal(7, page.TotalSize);
            pages.AddRange(page.Bids);
            token = page.NextPageToken;
        }
        while (token.Length > 0);

        Assert.Equal([7, 6, 5, 4, 3, 2, 1], pages.Select(b => b.Version));
        var oldest = pages[^1];
        Assert.Equal(("ann", V1.BidKind.Proxy, Usd(10_00), "ann"),
            (oldest.BidderId, oldest.Kind, oldest.Amount, oldest.LeaderAfter));
        Assert.DoesNotContain(Usd(80_00), pages.SelectMany(b => new[] { b.Amount, b.PriceAfter }));
        Assert.Equal(7, (await ListAsync(auction)).Bids.Count);

        var other = await _stack.CreateAsync();
        var first = await ListAsync(auction, pageSize: 3);
        foreach (var list in (Func<Task>[])
            [() => ListAsync(other, token: first.NextPageToken), () => ListAsync(auction, pageSize: -1)])
        {
            var e = await Assert.ThrowsAsync<RpcException>(list);
            Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        }
    }

    private async Task<V1.Auction> SendAsync(V1.CreateAuctionRequest request, Metadata headers) =>
        (await _stack.Client.CreateAuctionAsync(request, headers)).Auction;

    private async Task<V1.Auction> ReadAsync(V1.Auction auction, Metadata headers) =>
        (await _stack.Client.GetAuctionAsync(
            new V1.GetAuctionRequest { AuctionId = auction.AuctionId }, headers)).Auction;

    private async Task<V1.ListBidsResponse> ListAsync(V1.Auction auction, int pageSize = 0, string token = "") =>
        await _stack.Client.ListBidsAsync(
            new V1.ListBidsRequest { AuctionId = auction.AuctionId, PageSize = pageSize, PageToken = token });

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));

    private static V1.Auction InEuro(V1.Auction auction)
    {
        auction.CurrencyCode = auction.OpeningPrice.CurrencyCode = "EUR";
        return auction;
    }

    private static void Lasts(V1.Auction auction, TimeSpan start, TimeSpan length)
    {
        auction.StartTime = In(start);
        auction.OriginalEndTime = auction.StartTime + Duration.FromTimeSpan(length);
    }

    private static V1.SoftClose Soft(double windowS, double extensionS, int max) => new()
    {
        Window = Duration.FromTimeSpan(TimeSpan.FromSeconds(windowS)),
        Extension = Duration.FromTimeSpan(TimeSpan.FromSeconds(extensionS)),
        MaxExtensions = max,
    };
}

public sealed class AuctionSettingsTests
{
    [Theory]
    [InlineData("Postgres:ConnectionString", "")]
    [InlineData("Postgres:ConnectionString", "Host=db")]
    [InlineData("Postgres:ConnectionString", "Secret=hunter2")]
    [InlineData("Redis:Configuration", "")]
    [InlineData("HotState:IdleTtl", "00:00:00")]
    [InlineData("Auction:ClosingsMax", "0")]
    [InlineData("Auction:IncrementTables:steep", "USD:5=1")]
    [InlineData("Auction:IncrementTables:steep", "0=1")]
    [InlineData("Auction:IncrementTables:steep", "ZZZ:0=1")]
    [InlineData("Auction:IncrementTables:ebay-us", "USD:0=1")]
    [InlineData("Auction:MediaSchemes", "https javascript")]
    [InlineData("Auction:MediaSchemes", " ")]
    public async Task The_service_does_not_start_with_a_wrong_setting_and_names_it(string key, string value)
    {
        var e = await Assert.ThrowsAsync<OptionsValidationException>(() => TestService.StartAsync(
            AuctionService.Composition.Build, "--Postgres:ConnectionString=Host=127.0.0.1;Port=9;Database=none",
            "--Redis:Configuration=127.0.0.1:9", $"--{key}={value}"));
        Assert.Contains(key, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", e.ToString(), StringComparison.Ordinal);
    }
}
