using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Auctions.Platform.Hosting.GrpcWeb;

/// <summary>
/// One call's response, as the gRPC server sees it: a body, trailers, and a reset, which HTTP/1.1 does not have. Completing it
/// writes the trailers as the body's last frame.
/// </summary>
internal sealed class GrpcWebCall : IHttpResponseBodyFeature, IHttpResponseTrailersFeature, IHttpResetFeature
{
    /// <summary>The first byte of a frame that holds trailers, in place of a message's "compressed" flag.</summary>
    private const byte TrailersFlag = 0x80;

    private readonly IHttpResponseBodyFeature _body;
    private readonly IHttpResetFeature? _reset;
    private int _completed;

    public GrpcWebCall(IFeatureCollection features, bool text)
    {
        _body = features.GetRequiredFeature<IHttpResponseBodyFeature>();
        _reset = features.Get<IHttpResetFeature>();
        Writer = text ? new Base64PipeWriter(_body.Writer) : _body.Writer;
        Stream = Writer.AsStream(leaveOpen: true);
        features.Set<IHttpResponseBodyFeature>(this);
        features.Set<IHttpResponseTrailersFeature>(this);
        features.Set<IHttpResetFeature>(this);
    }

    public PipeWriter Writer { get; }

    public Stream Stream { get; }

    public IHeaderDictionary Trailers { get; set; } = new HeaderDictionary();

    public void DisableBuffering() => _body.DisableBuffering();

    public Task StartAsync(CancellationToken cancellationToken = default) => _body.StartAsync(cancellationToken);

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException("A gRPC response is no file.");

    /// <summary>
    /// Called by the gRPC server when a deadline passes, and by the middleware at the end: the first one counts. A response
    /// that never had a body has its status in the headers already, and gets no frame.
    /// </summary>
    public async Task CompleteAsync()
    {
        if (Interlocked.Exchange(ref _completed, 1) != 0) return;
        if (Trailers.Count > 0) WriteTrailers();
        await Writer.FlushAsync();
        await _body.CompleteAsync();
    }

    /// <summary>Without this, a passed deadline would make the server abort an HTTP/1.1 connection before its answer is out.</summary>
    public void Reset(int errorCode) => _reset?.Reset(errorCode);

    private void WriteTrailers()
    {
        var lines = new StringBuilder();
        foreach (var (name, values) in Trailers)
        {
            foreach (var value in values) lines.Append(name.ToLowerInvariant()).Append(": ").Append(value).Append("\r\n");
        }

        var block = Encoding.ASCII.GetBytes(lines.ToString()); // gRPC percent-encodes what is not ASCII.
        var header = Writer.GetSpan(5);
        header[0] = TrailersFlag;
        BinaryPrimitives.WriteInt32BigEndian(header[1..], block.Length);
        Writer.Advance(5);
        Writer.Write(block);
    }
}
