using System.Buffers;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Pipelines.Sockets.Unofficial;

/// <summary>Bytes over a plain socket.</summary>
internal sealed class SocketTransport : Transport
{
    // The system takes at most IOV_MAX (1024) pieces a call; a few are enough to make the call worth while.
    private const int PiecesMax = 64;

    private readonly Socket _socket;
    private readonly bool _waitWithoutBuffer;
    private readonly SocketAwaitableEventArgs _gather = new();
    private readonly List<ArraySegment<byte>> _pieces = new(PiecesMax);

    internal SocketTransport(Socket socket, bool waitWithoutBuffer)
    {
        _socket = socket;
        _waitWithoutBuffer = waitWithoutBuffer;
    }

    internal override long BytesAvailable
    {
        get
        {
            try
            {
                return _socket.Available;
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException)
            {
                return -1;
            }
        }
    }

    internal override ValueTask<int> ReceiveAsync(Memory<byte> buffer) => _waitWithoutBuffer
        ? WaitThenReceiveAsync(buffer)
        : _socket.ReceiveAsync(buffer, SocketFlags.None);

    internal override ValueTask<long> SendAsync(in ReadOnlySequence<byte> buffer)
    {
        if (!buffer.IsSingleSegment) return GatherAsync(buffer);
        var sending = _socket.SendAsync(buffer.First, SocketFlags.None);
        return sending.IsCompletedSuccessfully ? new ValueTask<long>(sending.Result) : Widen(sending);

        static async ValueTask<long> Widen(ValueTask<int> sending) => await sending.ConfigureAwait(false);
    }

    internal override void EndSending() => _socket.Shutdown(SocketShutdown.Send);

    public override void Dispose()
    {
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Not connected any more, which is what was wanted.
        }

        _socket.Dispose();
        _gather.Dispose();
    }

    private async ValueTask<int> WaitThenReceiveAsync(Memory<byte> buffer)
    {
        await _socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None).ConfigureAwait(false);
        return await _socket.ReceiveAsync(buffer, SocketFlags.None).ConfigureAwait(false);
    }

    private async ValueTask<long> GatherAsync(ReadOnlySequence<byte> buffer)
    {
        _pieces.Clear();
        foreach (var piece in buffer)
        {
            if (piece.IsEmpty) continue;
            if (_pieces.Count == PiecesMax) break;
            if (!MemoryMarshal.TryGetArray(piece, out var array))
            {
                // Memory that is no array goes alone, or waits for its turn.
                if (_pieces.Count > 0) break;
                return await _socket.SendAsync(piece, SocketFlags.None).ConfigureAwait(false);
            }

            _pieces.Add(array);
        }

        // The property copies the list.
        _gather.BufferList = _pieces;
        if (!_socket.SendAsync(_gather)) _gather.Complete();
        return await _gather;
    }
}
