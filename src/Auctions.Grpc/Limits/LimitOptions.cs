using System.Net;
using Auctions.Hosting;

namespace Auctions.Grpc;

/// <summary>
/// The configuration section <c>Limits</c>: what one caller may use, so that it cannot starve the others.
/// <c>docs/limits.md</c> lists every limit with its default, its metric and the claim that lifts it.
/// </summary>
public sealed class LimitOptions : ISectionOptions
{
    private const int Max = 1_000_000;

    public static string Section => "Limits";

    /// <summary>
    /// Calls a second over one connection. A burst may take twice as many at once, here and for every rate.
    /// </summary>
    public int CallsPerConnection { get; set; } = 20_000;

    /// <summary>Tokens a second that one connection may present and that were not checked in the last minute.</summary>
    public int TokenChecksPerConnection { get; set; } = 1_000;

    /// <summary>Calls a second without a token over one connection.</summary>
    public int AnonymousCallsPerConnection { get; set; } = 200;

    /// <summary>Calls a second of one subject. Each bid of a PlaceBids stream counts as a call.</summary>
    public int CallsPerSubject { get; set; } = 1_000;

    /// <summary>Calls a second from one address, which many honest callers may share; 0 for no limit.</summary>
    public int CallsPerPeer { get; set; }

    /// <summary>
    /// Unary calls, and bids of PlaceBids streams, of one subject that are not answered yet. A stream waits for its
    /// subject's share; a unary call is refused.
    /// </summary>
    public int InFlightPerSubject { get; set; } = 256;

    /// <summary>Unary calls without a token over one connection that are not answered yet.</summary>
    public int AnonymousInFlightPerConnection { get; set; } = 64;

    /// <summary>Unary calls without a token that are not answered yet, in the whole process.</summary>
    public int AnonymousInFlightMax { get; set; } = 256;

    /// <summary>Streams that are open over one connection.</summary>
    public int StreamsPerConnection { get; set; } = 100;

    /// <summary>Streams that one subject has open.</summary>
    public int StreamsPerSubject { get; set; } = 100;

    /// <summary>Streams that are open from one address, which many honest callers may share; 0 for no limit.</summary>
    public int StreamsPerPeer { get; set; }

    /// <summary>Health and reflection streams that are open in the whole process.</summary>
    public int PublicStreamsMax { get; set; } = 1_000;

    /// <summary>
    /// Milliseconds that a unary request, or a message of a stream that has begun, may take to arrive. 100 to 600,000.
    /// </summary>
    public int RequestTimeoutMs { get; set; } = 10_000;

    /// <summary>
    /// Addresses or networks (<c>10.0.0.0/8</c>) of proxies. A call over one of their connections counts for the
    /// client's connection that <see cref="ProxyHeader"/> names. None by default.
    /// </summary>
    public string[] Proxies { get; set; } = [];

    /// <summary>
    /// The header to which the proxies append the client's address, with its port: <c>X-Forwarded-For</c> or
    /// <c>Forwarded</c> (RFC 7239). Only its last element counts, because a client may have sent the others.
    /// </summary>
    public string ProxyHeader { get; set; } = "X-Forwarded-For";

    public IEnumerable<string> Failures()
    {
        (string Key, int Value, int Min)[] bounds =
        [
            (nameof(CallsPerConnection), CallsPerConnection, 1),
            (nameof(TokenChecksPerConnection), TokenChecksPerConnection, 1),
            (nameof(AnonymousCallsPerConnection), AnonymousCallsPerConnection, 1),
            (nameof(CallsPerSubject), CallsPerSubject, 1),
            (nameof(CallsPerPeer), CallsPerPeer, 0),
            (nameof(InFlightPerSubject), InFlightPerSubject, 1),
            (nameof(AnonymousInFlightPerConnection), AnonymousInFlightPerConnection, 1),
            (nameof(AnonymousInFlightMax), AnonymousInFlightMax, 1),
            (nameof(StreamsPerConnection), StreamsPerConnection, 1),
            (nameof(StreamsPerSubject), StreamsPerSubject, 1),
            (nameof(StreamsPerPeer), StreamsPerPeer, 0),
            (nameof(PublicStreamsMax), PublicStreamsMax, 1),
        ];
        foreach (var (key, value, min) in bounds)
        {
            if (value < min || value > Max) yield return $"{Section}:{key} must be {min} to {Max}, and is {value}.";
        }

        if (RequestTimeoutMs is < 100 or > 600_000)
            yield return $"{Section}:RequestTimeoutMs must be 100 to 600000, and is {RequestTimeoutMs}.";
        foreach (var proxy in Proxies.Where(p => Network(p) is null))
            yield return $"{Section}:Proxies: '{proxy}' is not an address or a network such as 10.0.0.0/8.";
        if (ProxyHeader is not ("X-Forwarded-For" or "Forwarded"))
            yield return $"{Section}:ProxyHeader must be X-Forwarded-For or Forwarded, and is '{ProxyHeader}'.";
    }

    /// <summary>The network of an address or of a network's text; null if it is neither.</summary>
    internal static IPNetwork? Network(string text)
    {
        if (IPNetwork.TryParse(text, out var network)) return network;
        return IPAddress.TryParse(text, out var address)
            ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
            : null;
    }
}
