using Auctions.V1;
using Grpc.Core;
using StreamGateway;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>A viewer's end of a stream: it records the frames, and can block writes for a while.</summary>
internal sealed class FrameRecorder : IServerStreamWriter<WatchFrame>
{
    private readonly Lock _gate = new();
    private readonly List<WatchResponse> _frames = [];
    private readonly List<byte[]> _shared = [];
    private TaskCompletionSource _open = Opened();

    public WriteOptions? WriteOptions { get; set; }

    public IReadOnlyList<WatchResponse> Frames
    {
        get { lock (_gate) return [.. _frames]; }
    }

    public WatchResponse Last => Frames[^1];

    /// <summary>The shared bytes of each frame.</summary>
    public IReadOnlyList<byte[]> Shared
    {
        get { lock (_gate) return [.. _shared]; }
    }

    /// <summary>From now on a write waits for <see cref="Unblock"/>.</summary>
    public void Block() => _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Unblock() => _open.SetResult();

    public Task WriteAsync(WatchFrame message)
    {
        lock (_gate)
        {
            _frames.Add(message.ToResponse());
            _shared.Add(message.Shared);
        }

        return _open.Task;
    }

    public Task WriteAsync(WatchFrame message, CancellationToken cancellationToken) =>
        WriteAsync(message).WaitAsync(cancellationToken);

    private static TaskCompletionSource Opened()
    {
        var open = new TaskCompletionSource();
        open.SetResult();
        return open;
    }
}

/// <summary>The state that a client of the contract shows after it has applied a stream's frames.</summary>
internal static class ReplayedState
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
