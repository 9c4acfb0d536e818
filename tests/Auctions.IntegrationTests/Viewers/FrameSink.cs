using Auctions.V1;
using Grpc.Core;
using StreamGateway;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>A viewer's end of a stream, which can be told not to take anything for a while.</summary>
internal sealed class FrameSink : IServerStreamWriter<WatchFrame>
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

    /// <summary>The bytes of each frame that viewers share.</summary>
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
            _frames.Add(message.Read());
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
