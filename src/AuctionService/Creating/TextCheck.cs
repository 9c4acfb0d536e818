using Auctions.Core;
using Auctions.Grpc;
using V1 = Auctions.V1;

namespace AuctionService;

/// <summary>Checks the texts of a requested auction (<see cref="AuctionTexts"/>) and its pictures' URLs.</summary>
internal static class TextCheck
{
    /// <summary>
    /// Characters that end an attribute or a tag if a URL is pasted into HTML, or that browsers read as others.
    /// </summary>
    private const string RefusedInUrls = "\"'`<>\\^{|}";

    /// <param name="schemes">The schemes that a URL may have, in lower case.</param>
    /// <returns>The URLs of the pictures in normal form.</returns>
    public static IReadOnlyList<string> Check(V1.Auction requested, string[] schemes, Violations violations)
    {
        Check(AuctionTexts.Title, requested.Title, "auction.title");
        Check(AuctionTexts.Description, requested.Description, "auction.description");
        Check(AuctionTexts.Category, requested.Category, "auction.category");
        Check(AuctionTexts.PostId, requested.PostId, "auction.post_id");

        var urls = requested.MediaUrls;
        violations.Check(urls.Count <= AuctionTexts.MediaUrlsMax,
            "auction.media_urls", urls.Count, $"must be at most {AuctionTexts.MediaUrlsMax}");
        var normal = new List<string>();
        foreach (var (i, url) in urls.Take(AuctionTexts.MediaUrlsMax).Index())
        {
            if (NormalUrl(url, schemes) is { } text) normal.Add(text);
            else violations.Add($"auction.media_urls[{i}]", url, UrlRule(schemes));
        }

        return normal;

        void Check(TextRule rule, string text, string field)
        {
            if (rule.Broken(text) is { } broken) violations.Add(field, text, broken);
        }
    }

    private static string UrlRule(string[] schemes) =>
        $"must be an {string.Join(" or ", schemes)} URL of at most {AuctionTexts.MediaUrlLengthMax} characters, "
        + "without blanks, control characters, quotes, angle brackets, backslashes and user information";

    /// <summary>
    /// The URL as it is stored and shown: scheme and host in lower case, the host in ASCII, the path without dot
    /// segments, and everything that is not ASCII percent-encoded. Null if it is not allowed.
    /// </summary>
    private static string? NormalUrl(string text, string[] schemes)
    {
        if (text.Length > AuctionTexts.MediaUrlLengthMax || text.Any(IsRefused)) return null;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || !schemes.Contains(url.Scheme)) return null;
        if (url.Host.Length == 0 || HasUserInfo(text)) return null;
        try
        {
            var host = url.HostNameType == UriHostNameType.IPv6 ? url.Host : url.IdnHost;
            var normal = new UriBuilder(url) { Host = host }.Uri.AbsoluteUri;
            var isPlain = normal.Length <= AuctionTexts.MediaUrlLengthMax
                && normal.All(c => c is > ' ' and < (char)0x7f && !IsRefused(c));
            return isPlain ? normal : null;
        }
        catch (UriFormatException)
        {
            return null; // the host has no form in ASCII
        }
    }

    private static bool IsRefused(char c) =>
        char.IsControl(c) || char.IsWhiteSpace(c) || c == '\uFFFD'
        || RefusedInUrls.Contains(c, StringComparison.Ordinal);

    /// <summary>Also an empty one, which <see cref="Uri"/> does not tell from none.</summary>
    private static bool HasUserInfo(string text)
    {
        var start = text.IndexOf("//", StringComparison.Ordinal) + 2;
        var end = text.AsSpan(start).IndexOfAny('/', '?', '#');
        return (end < 0 ? text.AsSpan(start) : text.AsSpan(start, end)).Contains('@');
    }
}
