using System.Buffers;

namespace Grpc.Core;

/// <summary>Where a message is serialized to. A call's serializer completes it once, in one of the two ways.</summary>
public abstract class SerializationContext
{
    /// <summary>Completes with a payload of its own buffer.</summary>
    public virtual void Complete(byte[] payload) => throw new NotImplementedException();

    /// <summary>A buffer to write the payload into, before <see cref="Complete()"/>.</summary>
    public virtual IBufferWriter<byte> GetBufferWriter() => throw new NotImplementedException();

    /// <summary>Announces how many bytes the payload has, before <see cref="GetBufferWriter"/>.</summary>
    public virtual void SetPayloadLength(int payloadLength) => throw new NotImplementedException();

    /// <summary>Completes with what was written into the buffer.</summary>
    public virtual void Complete() => throw new NotImplementedException();
}

/// <summary>Where a message is deserialized from; valid only during the call of the deserializer.</summary>
public abstract class DeserializationContext
{
    /// <summary>How many bytes the payload has.</summary>
    public abstract int PayloadLength { get; }

    /// <summary>The payload in a new buffer, which is the caller's.</summary>
    public virtual byte[] PayloadAsNewBuffer() => throw new NotImplementedException();

    /// <summary>The payload in the transport's buffer: valid only until the deserializer returns.</summary>
    public virtual ReadOnlySequence<byte> PayloadAsReadOnlySequence() => throw new NotImplementedException();
}
