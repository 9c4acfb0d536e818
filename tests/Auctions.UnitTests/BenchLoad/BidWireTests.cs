using System.Buffers.Binary;
using System.Text;
using Auctions.Benchmarks.Load;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Auctions.UnitTests.BenchLoad;

/// <summary>The load writes and reads bids itself. The contract's generated messages must agree with it.</summary>
public sealed class BidWireTests
{
    private const int GrpcPrefix = 5;
    private static readonly Guid Auction = Guid.Parse("0197f3a2-1b2c-7d3e-8f40-5a6b7c8d9e0f");
    private static readonly FieldType[] Skipped =
    [
        FieldType.Bool, FieldType.Enum, FieldType.Int32, FieldType.Int64, FieldType.UInt32, FieldType.UInt64,
        FieldType.String, FieldType.Bytes, FieldType.Message,
    ];

    /// <summary>
    /// Amounts in minor units: below one unit, whole units, with a rest, and where a varint grows by a byte.
    /// </summary>
    [Theory]
    [InlineData(1, 0, 10_000_000)]
    [InlineData(99, 0, 990_000_000)]
    [InlineData(100, 1, 0)]
    [InlineData(1_000, 10, 0)]
    [InlineData(12_799, 127, 990_000_000)]
    [InlineData(12_800, 128, 0)]
    [InlineData(1_234_556, 12_345, 560_000_000)]
    [InlineData(long.MaxValue, 92_233_720_368_547_758, 70_000_000)]
    public void A_direct_bid_is_the_contracts_message(long minor, long units, int nanos) => Assert.Equal(
        new V1.PlaceBidRequest
        {
            AuctionId = $"{Auction}",
            IdempotencyKey = "00000007-0002-4000-8000-0000000000ff",
            Amount = new V1.Money { CurrencyCode = "USD", Units = units, Nanos = nanos },
        },
        Written(new BidCall { KeyNumber = 255, Minor = minor }));

    [Fact]
    public void A_proxy_bid_has_only_its_ceiling() => Assert.Equal(
        new V1.PlaceBidRequest
        {
            AuctionId = $"{Auction}",
            IdempotencyKey = "00000007-0002-4000-8000-000000000000",
            MaxAmount = new V1.Money { CurrencyCode = "USD", Units = 15, Nanos = 250_000_000 },
        },
        Written(new BidCall { Proxy = true, Minor = 1_525 }));

    [Fact]
    public void A_call_in_a_used_buffer_keeps_nothing_of_the_last_call()
    {
        var buffer = new byte[BidWire.RequestMax];
        Written(new BidCall { KeyNumber = 0xffff_ffff_ffff, Minor = 98_765_432_199, Proxy = true }, buffer);
        var request = Written(new BidCall { KeyNumber = 1, Minor = 100 }, buffer);
        Assert.Equal("00000007-0002-4000-8000-000000000001", request.IdempotencyKey);
        Assert.Equal((1, 0), (request.Amount.Units, request.Amount.Nanos));
        Assert.Null(request.MaxAmount);
    }

    [Fact]
    public void The_keys_of_a_run_are_UUIDs_and_all_different()
    {
        var keys = from run in new[] { 0, 1, int.MaxValue }
                   from connection in new[] { 0, 1, 0xffff }
                   from number in new[] { 0, 1, 16, 0xffff_ffff_ffff }
                   let prefix = LoadOutcome.KeyPrefix(run, connection)
                   select Written(new BidCall { KeyNumber = number, Minor = 100 }, prefix: prefix).IdempotencyKey;
        var all = keys.ToList();
        Assert.All(all, key => Assert.Equal(key, $"{Guid.ParseExact(key, "D")}"));
        Assert.Equal(all.Count, all.Distinct().Count());
    }

    [Theory]
    [InlineData(V1.BidOutcome.Unspecified, Answer.None)]
    [InlineData(V1.BidOutcome.Leading, Answer.Leading)]
    [InlineData(V1.BidOutcome.Outbid, Answer.Outbid)]
    [InlineData(V1.BidOutcome.Rejected, Answer.Rejected)]
    internal void An_outcome_is_read_with_and_without_all_other_fields(V1.BidOutcome outcome, Answer answer)
    {
        foreach (var replayed in new[] { false, true })
        {
            var small = new V1.BidResult { Outcome = outcome, Replayed = replayed };
            Assert.Equal((answer, replayed), BidWire.Read(Framed(small)));
            var full = Full(replayed);
            full.Outcome = outcome;
            Assert.Equal((answer, replayed), BidWire.Read(Framed(full)));
        }
    }

    /// <summary>The reader uses the contract's numbers, so a new outcome of the contract must be added there.</summary>
    [Fact]
    public void Every_outcome_of_the_contract_is_an_answer_with_the_same_number() => Assert.All(
        Enum.GetValues<V1.BidOutcome>().Where(outcome => outcome != V1.BidOutcome.Unspecified),
        outcome => Assert.Equal($"{outcome}", $"{(Answer)(int)outcome}"));

    /// <summary>The reader can skip varints and fields with a length, but not fields of fixed width.</summary>
    [Fact]
    public void The_contracts_response_has_only_fields_that_the_reader_can_skip() => Assert.All(
        V1.BidResult.Descriptor.Fields.InDeclarationOrder(),
        field => Assert.Contains(field.FieldType, Skipped));

    [Fact]
    public void A_partial_message_and_more_than_one_message_are_errors()
    {
        var whole = Framed(Full(true));
        foreach (var wrong in new byte[][] { [], whole[..4], whole[..^1], [.. whole, 0], [.. whole, .. whole] })
            Assert.Throws<InvalidDataException>(() => BidWire.Read(wrong));
    }

    [Fact]
    public void A_compressed_message_is_an_error()
    {
        var compressed = Framed(Full(true));
        compressed[0] = 1;
        Assert.Throws<InvalidDataException>(() => BidWire.Read(compressed));
    }

    /// <summary>The request as a server reads it: exactly one whole, uncompressed gRPC message.</summary>
    private static V1.PlaceBidRequest Written(
        in BidCall call, byte[]? buffer = null, string prefix = "00000007-0002-4000-8000-")
    {
        if (buffer is null) Array.Fill(buffer = new byte[BidWire.RequestMax], (byte)0xff);
        var auctionId = Encoding.ASCII.GetBytes($"{Auction}");
        var length = BidWire.Write(buffer, auctionId, Encoding.ASCII.GetBytes(prefix), call);
        Assert.Equal(0, buffer[0]);
        Assert.Equal(length - GrpcPrefix, BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(1)));
        return V1.PlaceBidRequest.Parser.ParseFrom(buffer, GrpcPrefix, length - GrpcPrefix);
    }

    private static byte[] Framed(V1.BidResult result)
    {
        var response = new V1.PlaceBidResponse { Result = result };
        var framed = new byte[GrpcPrefix + response.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), framed.Length - GrpcPrefix);
        response.WriteTo(framed.AsSpan(GrpcPrefix));
        return framed;
    }

    /// <summary>
    /// A response with every field set. Its state is a message with fields that have the numbers of outcome and
    /// replayed.
    /// </summary>
    private static V1.BidResult Full(bool replayed) => new()
    {
        Outcome = V1.BidOutcome.Rejected,
        RejectionReason = V1.RejectionReason.CeilingNotRaised,
        BidId = $"{Auction}",
        State = new V1.AuctionState
        {
            Version = 300,
            Status = V1.AuctionStatus.Active,
            CurrentPrice = new V1.Money { CurrencyCode = "USD", Units = 15, Nanos = 250_000_000 },
            LeaderId = "bidder-1",
            MinimumBid = new V1.Money { CurrencyCode = "USD", Units = 16 },
            BidCount = 1,
        },
        Replayed = replayed,
        DecideTime = new() { Seconds = 1_800_000_000, Nanos = 999_999_000 },
    };
}
