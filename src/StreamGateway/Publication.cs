using System.Buffers;
using Auctions.Grpc;
using Auctions.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Currency = Auctions.Core.Currency;

namespace StreamGateway;

/// <summary>
/// One version of an auction, as its viewers are shown it. Each of its frames is serialised at most once, when the
/// first viewer needs it; all viewers share the bytes. They are a <see cref="WatchResponse"/> without
/// <c>server_time</c>, which each write adds: a snapshot may be hours old when it is written.
/// </summary>
internal sealed class Publication
{
    private readonly long? _deltaFrom;
    private readonly Lazy<byte[]> _snapshot;
    private readonly Lazy<byte[]> _delta;
    private readonly Lazy<byte[]> _ended;

    /// <param name="previous">The version published before; null for none.</param>
    public Publication(PublicAuction auction, PublicAuction? previous)
    {
        Auction = auction;
        _deltaFrom = previous is not null && AuctionFrames.IsDeltaPossible(previous, auction) ? previous.Version : null;
        _snapshot = new(() => Serialise(new WatchResponse { Snapshot = AuctionFrames.State(auction) }));
        _delta = new(() => Serialise(new WatchResponse { Delta = AuctionFrames.Delta(previous!, auction) }));
        _ended = new(() => Serialise(new WatchResponse { Ended = AuctionFrames.Ended(auction) }));
    }

    public PublicAuction Auction { get; }

    public long Version => Auction.Version;

    public byte[] Snapshot => _snapshot.Value;

    /// <summary>
    /// The frame for a viewer that has seen this earlier version, or the last one of an auction that is over.
    /// </summary>
    public byte[] FrameAfter(long seenVersion)
    {
        if (Auction.IsOver) return _ended.Value;
        return seenVersion == _deltaFrom ? _delta.Value : Snapshot;
    }

    private byte[] Serialise(WatchResponse frame)
    {
        frame.AuctionId = Auction.Id.ToString();
        frame.Version = Auction.Version;
        return frame.ToByteArray();
    }
}

/// <summary>The contract's messages for a <see cref="PublicAuction"/>.</summary>
internal static class AuctionFrames
{
    public static AuctionState State(PublicAuction auction) => new()
    {
        Version = auction.Version,
        Status = StateMap.Status(auction.Status),
        CurrentPrice = auction.Price == 0 ? null : Money(auction.Price, auction.Currency),
        LeaderId = auction.Leader,
        MinimumBid = Money(auction.MinimumBid, auction.Currency),
        BidCount = auction.BidCount,
        EndTime = TimeMap.FromUsOrNull(auction.EndUs),
        ExtensionsUsed = auction.Extensions,
        ReserveMet = auction.ReserveMet,
    };

    /// <summary>
    /// Whether a delta can express the change: it cannot remove the price or the minimum bid, or change the currency.
    /// </summary>
    public static bool IsDeltaPossible(PublicAuction from, PublicAuction to) =>
        from.Currency == to.Currency && (to.Price > 0 || from.Price == 0)
        && (to.MinimumBid is not null || from.MinimumBid is null);

    /// <summary>The fields that differ.</summary>
    public static AuctionDelta Delta(PublicAuction from, PublicAuction to)
    {
        var delta = new AuctionDelta { FromVersion = from.Version };
        if (to.Price != from.Price) delta.CurrentPrice = Money(to.Price, to.Currency);
        if (to.Leader != from.Leader) delta.LeaderId = to.Leader;
        if (to.MinimumBid != from.MinimumBid) delta.MinimumBid = Money(to.MinimumBid, to.Currency);
        if (to.BidCount != from.BidCount) delta.BidCount = to.BidCount;
        if (to.EndUs != from.EndUs) delta.EndTime = TimeMap.FromUsOrNull(to.EndUs);
        if (to.Extensions != from.Extensions) delta.ExtensionsUsed = to.Extensions;
        if (StateMap.Status(to.Status) is var status && status != StateMap.Status(from.Status)) delta.Status = status;
        if (to.ReserveMet != from.ReserveMet) delta.ReserveMet = to.ReserveMet;
        return delta;
    }

    public static AuctionEnded Ended(PublicAuction auction) => new()
    {
        Final = State(auction),
        WinnerId = auction.Winner,
        EndReason = StateMap.EndReason(auction.EndReason),
    };

    /// <summary>
    /// Null for an amount that cannot be shown: the currency of the row is unknown, or the number is no amount.
    /// </summary>
    private static Money? Money(long? minor, string currency) =>
        minor is >= 0 and <= Currency.MaxAmount + 1 && Currency.Find(currency) is not null
            ? MoneyMap.FromMinor(minor.Value, currency)
            : null;
}

/// <summary>
/// A <see cref="WatchResponse"/> for one viewer: bytes that all viewers share, and a few fields of its own. In
/// protobuf's wire format two serialised parts, one after the other, are one message. A stream has one instance and
/// fills it again for each write.
/// </summary>
internal sealed class WatchFrame
{
    private readonly WatchResponse _own = new() { ServerTime = new Timestamp() };
    private readonly Heartbeat _heartbeat = new();

    /// <summary>
    /// Serialising copies: when <c>WriteAsync</c> has returned its task, the frame may be filled again.
    /// </summary>
    public static Marshaller<WatchFrame> Marshaller { get; } = new(
        static (frame, context) => frame.Write(context),
        static _ => throw new NotSupportedException("A gateway writes frames and never reads one."));

    /// <summary>The bytes that all viewers share.</summary>
    public byte[] Shared { get; private set; } = [];

    /// <param name="shared">A frame of a <see cref="Publication"/>.</param>
    public void Fill(byte[] shared, DateTimeOffset serverTime)
    {
        Shared = shared;
        _own.ClearFrame();
        FillServerTime(serverTime);
    }

    public void FillHeartbeat(long viewerCount, DateTimeOffset serverTime)
    {
        Shared = [];
        _heartbeat.ViewerCount = viewerCount;
        _own.Heartbeat = _heartbeat;
        FillServerTime(serverTime);
    }

    /// <summary>The whole message, as the viewer reads it.</summary>
    public WatchResponse ToResponse() => WatchResponse.Parser.ParseFrom([.. Shared, .. _own.ToByteArray()]);

    private void FillServerTime(DateTimeOffset serverTime)
    {
        var ticks = serverTime.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
        _own.ServerTime.Seconds = ticks / TimeSpan.TicksPerSecond;
        _own.ServerTime.Nanos = (int)(ticks % TimeSpan.TicksPerSecond) * 100;
    }

    private void Write(SerializationContext context)
    {
        context.SetPayloadLength(Shared.Length + _own.CalculateSize());
        var output = context.GetBufferWriter();
        output.Write(Shared);
        _own.WriteTo(output);
        context.Complete();
    }
}
