namespace Auctions.Platform.Hosting.GrpcWeb;

/// <summary>The configuration section <c>GrpcWeb</c>.</summary>
public sealed class GrpcWebOptions
{
    public const string Section = "GrpcWeb";

    /// <summary>
    /// Origins whose pages may call, such as <c>https://auctions.example</c>; <c>*</c> = any. None by default: the page comes
    /// from the same origin. Calls carry bearer tokens and never cookies, so that any origin is no worse than a curl.
    /// </summary>
    public string[] Origins { get; set; } = [];

    /// <summary>What is wrong with an entry of <see cref="Origins"/>; null where nothing is.</summary>
    public string? Flaw()
    {
        foreach (var origin in Origins)
        {
            if (origin == "*") continue;
            var valid = Uri.TryCreate(origin, UriKind.Absolute, out var uri)
                && uri.Scheme is "http" or "https" && uri.GetLeftPart(UriPartial.Authority) == origin;
            if (!valid) return $"{Section}:Origins: '{origin}' is no origin such as https://auctions.example";
        }

        return null;
    }
}
