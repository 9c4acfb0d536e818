using Auctions.V1;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>What a page shows that follows a stream as the contract says.</summary>
internal static class Page
{
    /// <summary>The state after these frames.</summary>
    public static AuctionState Of(IEnumerable<WatchResponse> frames)
    {
        AuctionState? state = null;
        foreach (var frame in frames)
        {
            switch (frame.FrameCase)
            {
                case WatchResponse.FrameOneofCase.Snapshot:
                    state = frame.Snapshot.Clone();
                    break;
                case WatchResponse.FrameOneofCase.Ended:
                    state = frame.Ended.Final.Clone();
                    break;
                case WatchResponse.FrameOneofCase.Delta:
                    Assert.NotNull(state);
                    Assert.Equal(state.Version, frame.Delta.FromVersion);
                    Apply(frame.Delta, state);
                    state.Version = frame.Version;
                    break;
            }
        }

        return state ?? throw new InvalidOperationException("No frame shows a state.");
    }

    private static void Apply(AuctionDelta delta, AuctionState state)
    {
        state.CurrentPrice = delta.CurrentPrice ?? state.CurrentPrice;
        state.MinimumBid = delta.MinimumBid ?? state.MinimumBid;
        state.EndTime = delta.EndTime ?? state.EndTime;
        if (delta.HasLeaderId) state.LeaderId = delta.LeaderId;
        if (delta.HasBidCount) state.BidCount = delta.BidCount;
        if (delta.HasExtensionsUsed) state.ExtensionsUsed = delta.ExtensionsUsed;
        if (delta.HasStatus) state.Status = delta.Status;
        if (delta.HasReserveMet) state.ReserveMet = delta.ReserveMet;
    }
}
