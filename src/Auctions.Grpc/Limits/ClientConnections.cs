using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Auctions.Grpc;

/// <summary>Whose connection a call counts for, and from which address it comes.</summary>
/// <param name="Key">
/// The connection's id; for a proxy's connection, the client's address and port as the proxy forwards them.
/// </param>
/// <param name="Peer">The address; null if it is a loopback address, which every local caller shares.</param>
internal readonly record struct ClientConnection(string Key, string? Peer);

/// <summary>
/// Finds the client's connection of a call. Many clients may share the connection of a proxy, so on the connections of
/// the proxies that the configuration lists, what they forward stands for the connection. Nobody else is believed.
/// </summary>
internal sealed class ClientConnections(IOptions<LimitOptions> options)
{
    private readonly IPNetwork[] _proxies = [.. options.Value.Proxies.Select(p => LimitOptions.Network(p)!.Value)];
    private readonly string _header = options.Value.ProxyHeader;

    public ClientConnection Of(HttpContext http)
    {
        var connection = http.Connection;
        var address = Plain(connection.RemoteIpAddress);
        if (_proxies.Length > 0 && address is not null && _proxies.Any(p => p.Contains(address))
            && Forwarded(http.Request.Headers[_header].ToString()) is { } client)
            return new ClientConnection($"client {client}", PeerOf(client.Address));
        return new ClientConnection(connection.Id, PeerOf(address));
    }

    private static string? PeerOf(IPAddress? address) =>
        address is null || IPAddress.IsLoopback(address) ? null : address.ToString();

    /// <summary>An IPv4 address that a dual-stack socket shows as IPv6 is the same peer.</summary>
    private static IPAddress? Plain(IPAddress? address) =>
        address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;

    /// <summary>The last element of the header: the proxy has appended it. Port 0 if it has none.</summary>
    private IPEndPoint? Forwarded(string value)
    {
        var last = value.AsSpan(value.LastIndexOf(',') + 1).Trim();
        if (_header == "Forwarded") last = ForParameter(last);
        last = last.Trim('"');
        return IPEndPoint.TryParse(last, out var endPoint)
            ? new IPEndPoint(Plain(endPoint.Address)!, endPoint.Port)
            : null;
    }

    /// <summary>The value of <c>for=</c> in an element such as <c>for="192.0.2.43:47011";proto=https</c>.</summary>
    private static ReadOnlySpan<char> ForParameter(ReadOnlySpan<char> element)
    {
        foreach (var range in element.Split(';'))
        {
            var parameter = element[range].Trim();
            if (parameter.StartsWith("for=", StringComparison.OrdinalIgnoreCase)) return parameter[4..];
        }

        return [];
    }
}
