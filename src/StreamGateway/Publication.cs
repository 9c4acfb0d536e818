using Auctions.V1;
using Google.Protobuf;

namespace StreamGateway;

/// <summary>
/// One version of an auction as viewers are shown it. Each of its frames is serialised once, and only if somebody needs it;
/// all viewers share the bytes. They hold all of a <see cref="WatchResponse"/> but <c>server_time</c>, which
/// each write adds: a snapshot may be hours old.
/// </summary>
internal sealed class Publication
{
    private const long NoVersion = -1;

    private readonly Lazy<byte[]> _snapshot;
    private readonly Lazy<byte[]> _delta;
    private readonly Lazy<byte[]> _ended;

    /// <param name="previous">What was published before; null where nothing was.</param>
    public Publication(PublicAuction auction, PublicAuction? previous)
    {
        Auction = auction;
        FromVersion = previous is not null && AuctionFrames.CanTellAsDelta(previous, auction) ? previous.Version : NoVersion;
        _snapshot = new(() => Frame(frame => frame.Snapshot = AuctionFrames.State(auction)));
        _delta = new(() => Frame(frame => frame.Delta = AuctionFrames.Delta(previous!, auction)));
        _ended = new(() => Frame(frame => frame.Ended = AuctionFrames.Ended(auction)));
    }

    public PublicAuction Auction { get; }

    public long Version => Auction.Version;

    /// <summary>The version that the delta starts from; -1 where there is none.</summary>
    public long FromVersion { get; }

    public byte[] Snapshot => _snapshot.Value;

    public byte[] Ended => _ended.Value;

    /// <summary>The frame for a viewer that has seen that version: less than this one.</summary>
    public byte[] After(long seen)
    {
        if (Auction.IsOver) return Ended;
        return seen == FromVersion ? _delta.Value : Snapshot;
    }

    private byte[] Frame(Action<WatchResponse> fill)
    {
        var frame = new WatchResponse { AuctionId = Auction.Id.ToString(), Version = Auction.Version };
        fill(frame);
        return frame.ToByteArray();
    }
}
