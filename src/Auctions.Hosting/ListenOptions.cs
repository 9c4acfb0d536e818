using System.Globalization;
using System.Net;

namespace Auctions.Hosting;

/// <summary>Where a service listens.</summary>
public sealed class ListenOptions : ISectionOptions
{
    /// <summary>A bid is some 200 bytes, an auction some thousand: what is larger is not one of ours.</summary>
    public const int MaxMessageBytes = 64 * 1024;

    /// <summary>Kestrel allows 100, so that a client with more calls in flight would wait without knowing it.</summary>
    public const int MaxStreamsPerConnection = 10_000;

    public static string Section => "Listen";

    /// <summary>host:port for gRPC over HTTP/2 without TLS; the port 0 takes any free one.</summary>
    public string Grpc { get; set; } = "";

    /// <summary>host:port for gRPC-Web (HTTP/1.1 and HTTP/2); empty: none.</summary>
    public string GrpcWeb { get; set; } = "";

    /// <summary>Milliseconds between announcing NOT_SERVING and refusing connections, so that a load balancer can look away.</summary>
    public int DrainDelayMs { get; set; }

    public IEnumerable<string> Failures()
    {
        if (!TryParse(Grpc, out _)) yield return $"Listen:Grpc must be host:port, such as 127.0.0.1:5001, and is '{Grpc}'.";
        if (GrpcWeb.Length > 0 && !TryParse(GrpcWeb, out _))
            yield return $"Listen:GrpcWeb must be host:port, such as 127.0.0.1:5080, or empty, and is '{GrpcWeb}'.";
        if (DrainDelayMs is < 0 or > 60_000) yield return $"Listen:DrainDelayMs must be 0 to 60000, and is {DrainDelayMs}.";
    }

    /// <summary>Reads host:port; the host is an address, <c>localhost</c>, or <c>*</c> for all interfaces.</summary>
    public static bool TryParse(string text, out IPEndPoint endPoint)
    {
        endPoint = new IPEndPoint(IPAddress.None, 0);
        var colon = text.LastIndexOf(':');
        if (colon <= 0) return false;
        if (!ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)) return false;
        var host = text[..colon];
        var address = host switch
        {
            "*" => IPAddress.IPv6Any,
            "localhost" => IPAddress.Loopback,
            _ => IPAddress.TryParse(host, out var parsed) ? parsed : null,
        };
        if (address is null) return false;
        endPoint = new IPEndPoint(address, port);
        return true;
    }
}
