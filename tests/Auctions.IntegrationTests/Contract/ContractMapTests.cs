using Auctions.Core;
using Auctions.Grpc;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Auctions.IntegrationTests.Contract;

public sealed class ContractMapTests
{
    private static readonly Terms Terms =
        new("sel", "USD", 10_00, 50_00, 0, new Increment.Fixed(1_00), SoftClose.None, 0);

    [Theory]
    [InlineData(0)]
    [InlineData(1_700_000_000_123_456)]
    [InlineData(-1)]
    public void Times_keep_their_microseconds(long us) => Assert.Equal(us, TimeMap.ToUs(TimeMap.FromUs(us)));

    [Fact]
    public void An_invalid_time_or_duration_is_null()
    {
        Assert.Null(TimeMap.ToUs(new Timestamp { Seconds = 0, Nanos = -1 }));
        Assert.Null(TimeMap.ToUs(new Timestamp { Seconds = 0, Nanos = 1_000_000_000 }));
        Assert.Null(TimeMap.ToUs(new Timestamp { Seconds = long.MaxValue }));
        Assert.Null(TimeMap.ToUs(new Duration { Seconds = 1, Nanos = -1 }));
        Assert.Null(TimeMap.ToUs(new Duration { Seconds = long.MinValue }));
        Assert.Equal(1_500_000, TimeMap.ToUs(new Duration { Seconds = 1, Nanos = 500_000_999 }));
        Assert.Equal(1_500_000, TimeMap.ToUs(TimeMap.DurationFromUs(1_500_000)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0b8f1f2e6c1d4f7a9a523d8f6f1f0c55")]
    [InlineData("{0b8f1f2e-6c1d-4f7a-9a52-3d8f6f1f0c55}")]
    [InlineData("0b8f1f2e-6c1d-4f7a-9a52-3d8f6f1f0c5")]
    [InlineData("00000000-0000-0000-0000-000000000000")]
    [InlineData(" 0b8f1f2e-6c1d-4f7a-9a52-3d8f6f1f0c55")]
    [InlineData("0b8f1f2e-6c1d-4f7a-9a52-3d8f6f1f0c55 ")]
    [InlineData("0b8f1f2e-6c1d-4f7a-9a52-3d8f6f1f0c55\n")]
    [InlineData("0b8f1f2e-6c1d-4f7a-9a52- d8f6f1f0c55")]
    [InlineData("0b8f1f2e-6c1d-4f7a-9a52-+d8f6f1f0c55")]
    [InlineData("0b8f1f2e-6c1d-4f7a-9a52-3d8f6f1f0c５5")]
    public void An_id_must_be_a_uuid_in_its_canonical_form(string value)
    {
        var e = Assert.Throws<RpcException>(() => Fields.Uuid(value, "auction_id"));
        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        Assert.StartsWith("auction_id must be a UUID", e.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_page_token_continues_only_its_own_list()
    {
        var token = PageToken.Write("bids of a", 17, -3);
        Assert.Equal([17, -3], PageToken.Read(token, "page_token", "bids of a", 2)!);
        Assert.Null(PageToken.Read("", "page_token", "bids of a", 2));
        foreach (var (bad, list, parts) in new[]
        {
            (token, "bids of b", 2), (token, "bids of a", 1), (token[..^2], "bids of a", 2),
            (token + "!", "bids of a", 2), ("x", "bids of a", 2), (new string('A', 5_000), "bids of a", 2),
        })
        {
            var e = Assert.Throws<RpcException>(() => PageToken.Read(bad, "page_token", list, parts));
            Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        }
    }

    [Fact]
    public void Before_the_first_bid_there_is_no_price_and_the_minimum_bid_is_the_opening_price()
    {
        var state = StateMap.State(Terms, AuctionState.Opened(AuctionStatus.Active, 5), 0);
        Assert.Null(state.CurrentPrice);
        Assert.Equal((10, "", false), (state.MinimumBid.Units, state.LeaderId, state.ReserveMet));
    }

    [Fact]
    public void No_answer_shows_a_ceiling()
    {
        // The ceiling is a number that no id contains by chance. It reaches the reserve, which becomes the price.
        var bid = new Bid("ann", Guid.NewGuid(), BidKind.Proxy, "USD", 0, 86_420_975_31);
        var head = new Head(0, Guid.NewGuid(), Terms, AuctionState.Opened(AuctionStatus.Active, 1_000), DecidedUs: 0);
        var decided = DecidedBid.Decide(Guid.NewGuid(), head, Guid.NewGuid(), bid, 10);
        var answer = StateMap.Result(decided, Terms, replayed: false);
        Assert.Equal((V1.BidOutcome.Leading, 1L, 50L),
            (answer.Outcome, answer.State.Version, answer.State.CurrentPrice.Units));
        Assert.DoesNotContain("86420975", answer.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_reason_status_and_kind_has_the_same_name_in_the_contract()
    {
        AllHaveTheSameName<RejectionReason>(reason => StateMap.Reason(reason));
        AllHaveTheSameName<AuctionStatus>(status => status == AuctionStatus.Bought ? status : StateMap.Status(status));
        Assert.Equal(V1.AuctionStatus.Active, StateMap.Status(AuctionStatus.Bought)); // until it is sealed
        AllHaveTheSameName<BidKind>(kind => StateMap.Kind(kind));
        AllHaveTheSameName<EndReason>(reason => StateMap.EndReason(reason));
    }

    private static void AllHaveTheSameName<T>(Func<T, System.Enum> map) where T : struct, System.Enum
    {
        foreach (var value in System.Enum.GetValues<T>())
        {
            var name = value.ToString();
            Assert.Equal(name == "None" ? "Unspecified" : name, map(value).ToString());
        }
    }
}
