using System.Buffers;

namespace Pipelines.Sockets.Unofficial;

/// <summary>What a connection's bytes travel over. One receive and one send at a time.</summary>
internal abstract class Transport : IDisposable
{
    /// <summary>Bytes that have arrived and nobody has received; -1 where that cannot be told.</summary>
    internal virtual long BytesAvailable => -1;

    /// <summary>Waits for bytes; 0 when the peer closed its side.</summary>
    internal abstract ValueTask<int> ReceiveAsync(Memory<byte> buffer);

    /// <summary>Sends at least one byte of a buffer that is not empty, and says how many it sent.</summary>
    internal abstract ValueTask<long> SendAsync(in ReadOnlySequence<byte> buffer);

    /// <summary>Sees to it that what was sent leaves, because there is nothing else to send now.</summary>
    internal virtual ValueTask FlushAsync() => default;

    /// <summary>Tells the peer that nothing more will come.</summary>
    internal abstract void EndSending();

    /// <summary>Ends both directions; what is in progress fails.</summary>
    public abstract void Dispose();
}
