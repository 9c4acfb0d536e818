using System.Globalization;
using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Auctions.Hosting;

/// <summary>Options that are bound to a section of the configuration, and that validate themselves.</summary>
public interface ISectionOptions
{
    /// <summary>The section's name: the part of each key before the colon.</summary>
    static abstract string Section { get; }

    /// <summary>
    /// A line for each key that is wrong: the key, what its value must be, and, unless it is a secret, what it is.
    /// </summary>
    IEnumerable<string> Failures();
}

public static class SectionOptionsExtensions
{
    /// <summary>
    /// Binds a section once and validates it at start: a service whose configuration is wrong does not start.
    /// </summary>
    public static IServiceCollection AddSection<TOptions>(
        this IServiceCollection services, IConfiguration configuration)
        where TOptions : class, ISectionOptions
    {
        services.AddOptions<TOptions>().Bind(configuration.GetSection(TOptions.Section)).ValidateOnStart();
        return services.AddSingleton<IValidateOptions<TOptions>, SectionValidation<TOptions>>();
    }

    private sealed class SectionValidation<TOptions> : IValidateOptions<TOptions>
        where TOptions : class, ISectionOptions
    {
        public ValidateOptionsResult Validate(string? name, TOptions options)
        {
            var failures = options.Failures().ToList();
            return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
        }
    }
}

/// <summary>Where a service listens.</summary>
public sealed class ListenOptions : ISectionOptions
{
    /// <summary>
    /// 256 KiB. The texts and URLs of the largest legal auction take 205 KB, and a bid takes about 200 bytes.
    /// </summary>
    public const int MaxMessageBytes = 256 * 1024;

    /// <summary>
    /// A client with more calls waits, or opens another connection. While its calls are reset, Kestrel runs up to twice
    /// as many.
    /// </summary>
    public const int MaxStreamsPerConnection = 500;

    /// <summary>Bytes of all headers of a call. A token takes at most 8 KB of them.</summary>
    public const int MaxHeaderBytes = 16 * 1024;

    public static string Section => "Listen";

    /// <summary>host:port for gRPC over HTTP/2 without TLS; port 0 takes any free port.</summary>
    public string Grpc { get; set; } = "";

    /// <summary>host:port for gRPC-Web over HTTP/1.1; empty for none.</summary>
    public string GrpcWeb { get; set; } = "";

    /// <summary>
    /// Milliseconds between NOT_SERVING and the end of accepting connections: time for load balancers to notice.
    /// </summary>
    public int DrainDelayMs { get; set; }

    public IEnumerable<string> Failures()
    {
        if (!TryParse(Grpc, out _))
            yield return $"Listen:Grpc must be host:port, such as 127.0.0.1:5001, and is '{Grpc}'.";
        if (GrpcWeb.Length > 0 && !TryParse(GrpcWeb, out _))
            yield return $"Listen:GrpcWeb must be host:port, such as 127.0.0.1:5080, or empty, and is '{GrpcWeb}'.";
        if (DrainDelayMs is < 0 or > 60_000)
            yield return $"Listen:DrainDelayMs must be 0 to 60000, and is {DrainDelayMs}.";
    }

    /// <summary>
    /// Reads host:port; the host is an IP address, <c>localhost</c>, or <c>*</c> for all interfaces.
    /// </summary>
    public static bool TryParse(string text, out IPEndPoint endPoint)
    {
        endPoint = new IPEndPoint(IPAddress.None, 0);
        var colon = text.LastIndexOf(':');
        if (colon <= 0) return false;
        var portText = text.AsSpan(colon + 1);
        if (!ushort.TryParse(portText, NumberStyles.None, CultureInfo.InvariantCulture, out var port)) return false;
        var address = text[..colon] switch
        {
            "*" => IPAddress.IPv6Any,
            "localhost" => IPAddress.Loopback,
            var host => IPAddress.TryParse(host, out var parsed) ? parsed : null,
        };
        if (address is null) return false;
        endPoint = new IPEndPoint(address, port);
        return true;
    }
}
