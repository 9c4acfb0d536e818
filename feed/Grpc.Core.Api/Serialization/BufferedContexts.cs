using System.Buffers;

namespace Grpc.Core;

/// <summary>Gives a contextual serializer a byte array to end in.</summary>
internal sealed class ArraySerializationContext : SerializationContext
{
    private ArrayBufferWriter<byte>? writer;
    private int lengthHint;
    private byte[]? payload;

    public byte[] Payload =>
        payload ?? throw new InvalidOperationException("The serializer returned without completing the payload.");

    public override void Complete(byte[] payload)
    {
        ArgumentNullException.ThrowIfNull(payload);
        ThrowIfCompleted();
        this.payload = payload;
    }

    public override void SetPayloadLength(int payloadLength) => lengthHint = payloadLength;

    public override IBufferWriter<byte> GetBufferWriter() =>
        writer ??= lengthHint > 0 ? new ArrayBufferWriter<byte>(lengthHint) : new ArrayBufferWriter<byte>();

    public override void Complete()
    {
        ThrowIfCompleted();
        payload = writer is null ? [] : writer.WrittenSpan.ToArray();
    }

    private void ThrowIfCompleted()
    {
        if (payload is not null)
        {
            throw new InvalidOperationException("The payload is complete.");
        }
    }
}

/// <summary>Gives a contextual deserializer a byte array to begin with.</summary>
internal sealed class ArrayDeserializationContext(byte[] payload) : DeserializationContext
{
    public override int PayloadLength => payload.Length;

    public override byte[] PayloadAsNewBuffer() => payload.AsSpan().ToArray();

    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(payload);
}
