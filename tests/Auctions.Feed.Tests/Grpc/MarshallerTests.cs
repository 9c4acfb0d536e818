using System.Buffers;
using System.Text;
using Grpc.Core;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>A marshaller works both ways whichever way it was created.</summary>
public class MarshallerTests
{
    public static TheoryData<Marshaller<string>> ByArraysAndByContexts =>
    [
        Marshallers.StringMarshaller,
        Marshallers.Create(Encoding.UTF8.GetBytes, (byte[] bytes) => Encoding.UTF8.GetString(bytes)),
        Marshallers.Create<string>(
            (text, context) =>
            {
                context.SetPayloadLength(Encoding.UTF8.GetByteCount(text));
                Encoding.UTF8.GetBytes(text, context.GetBufferWriter());
                context.Complete();
            },
            context => Encoding.UTF8.GetString(context.PayloadAsReadOnlySequence())),
        Marshallers.Create<string>(
            (text, context) => context.Complete(Encoding.UTF8.GetBytes(text)),
            context => Encoding.UTF8.GetString(context.PayloadAsNewBuffer(), 0, context.PayloadLength)),
    ];

    [Theory]
    [MemberData(nameof(ByArraysAndByContexts))]
    public void A_text_survives_by_arrays(Marshaller<string> marshaller)
    {
        Assert.Equal("Gebot 1 €", marshaller.Deserializer(marshaller.Serializer("Gebot 1 €")));
        Assert.Equal("", marshaller.Deserializer(marshaller.Serializer("")));
    }

    [Theory]
    [MemberData(nameof(ByArraysAndByContexts))]
    public void A_text_survives_by_contexts(Marshaller<string> marshaller)
    {
        var context = new Recording();
        marshaller.ContextualSerializer("Gebot 1 €", context);
        Assert.Equal("Gebot 1 €", marshaller.ContextualDeserializer(new Replaying(context.Payload!)));
    }

    [Fact]
    public void A_serializer_that_does_not_complete_is_found_out()
    {
        var marshaller = Marshallers.Create<string>((_, _) => { }, _ => "");
        Assert.Throws<InvalidOperationException>(() => marshaller.Serializer("x"));
    }

    private sealed class Recording : SerializationContext
    {
        private readonly ArrayBufferWriter<byte> writer = new();

        public byte[]? Payload { get; private set; }

        public override void SetPayloadLength(int payloadLength)
        {
        }

        public override IBufferWriter<byte> GetBufferWriter() => writer;

        public override void Complete() => Payload = writer.WrittenSpan.ToArray();

        public override void Complete(byte[] payload) => Payload = payload;
    }

    private sealed class Replaying(byte[] payload) : DeserializationContext
    {
        public override int PayloadLength => payload.Length;

        public override byte[] PayloadAsNewBuffer() => payload;

        public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(payload);
    }
}
