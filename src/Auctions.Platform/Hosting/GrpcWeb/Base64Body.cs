using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Auctions.Platform.Hosting.GrpcWeb;

/// <summary>
/// A text request's body, decoded. It is read whole: a browser's request is one message, for unary calls and server streams
/// alike, and what is wrong with it is known before any service is called.
/// </summary>
internal sealed class Base64Body : IRequestBodyPipeFeature
{
    /// <summary>Bytes of text: what a message of gRPC's default limit of 4 MiB takes in base64.</summary>
    public const int TextBytesMax = (4 * 1024 * 1024 + 5) / 3 * 4;

    private Base64Body(PipeReader reader) => Reader = reader;

    public PipeReader Reader { get; }

    /// <summary>The HTTP status of the refusal; null where the body is sound.</summary>
    public int? Flaw { get; private init; }

    public static async Task<Base64Body> ReadAsync(PipeReader text, CancellationToken cancellation)
    {
        var gathered = new ArrayBufferWriter<byte>();
        while (true)
        {
            var read = await text.ReadAsync(cancellation);
            foreach (var part in read.Buffer) gathered.Write(part.Span);

            // Before anything else is decided: a reader that is left without an advance cannot be read or drained again.
            text.AdvanceTo(read.Buffer.End);
            if (gathered.WrittenCount > TextBytesMax) return Refused(StatusCodes.Status413PayloadTooLarge);
            if (read.IsCompleted) break;
        }

        return Decode(gathered.WrittenSpan) is { } bytes
            ? new Base64Body(PipeReader.Create(new ReadOnlySequence<byte>(bytes)))
            : Refused(StatusCodes.Status400BadRequest);
    }

    /// <summary>Decodes one or more padded stretches of base64, as clients that encode frame by frame send. Null where it is none.</summary>
    internal static byte[]? Decode(ReadOnlySpan<byte> text)
    {
        var bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(text.Length)];
        var count = 0;
        while (!text.IsEmpty)
        {
            var stretch = text[..StretchLength(text)];
            if (Base64.DecodeFromUtf8(stretch, bytes.AsSpan(count), out _, out var written) != OperationStatus.Done) return null;
            count += written;
            text = text[stretch.Length..];
        }

        return bytes[..count];
    }

    /// <summary>Up to the end of the first padding.</summary>
    private static int StretchLength(ReadOnlySpan<byte> text)
    {
        var padding = text.IndexOf((byte)'=');
        if (padding < 0) return text.Length;
        var afterPadding = text[padding..].IndexOfAnyExcept((byte)'=');
        return afterPadding < 0 ? text.Length : padding + afterPadding;
    }

    private static Base64Body Refused(int status) => new(PipeReader.Create(ReadOnlySequence<byte>.Empty)) { Flaw = status };
}
