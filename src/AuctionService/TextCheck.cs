using Auctions.Grpc;
using Auctions.Hosting;
using V1 = Auctions.V1;

namespace AuctionService;

/// <summary>The rules for what an auction says of itself. What is stored here is shown to others as it is: control characters stay out.</summary>
internal static class TextCheck
{
    public const int TitleMax = 200;
    public const int DescriptionMax = 20_000;
    public const int MediaUrlsMax = 20;
    public const int MediaUrlLengthMax = 2_048;
    public const int CategoryMax = 100;
    public const int PostIdMax = 128;

    public static void Check(V1.Auction asked, Violations found)
    {
        CheckText(asked.Title, "auction.title", 1, TitleMax, found);
        CheckText(asked.Description, "auction.description", 0, DescriptionMax, found, lines: true);
        CheckText(asked.Category, "auction.category", 0, CategoryMax, found);
        CheckText(asked.PostId, "auction.post_id", 0, PostIdMax, found);
        found.Check(asked.MediaUrls.Count <= MediaUrlsMax, "auction.media_urls", asked.MediaUrls.Count, $"must be at most {MediaUrlsMax}");
        for (var i = 0; i < Math.Min(asked.MediaUrls.Count, MediaUrlsMax); i++)
        {
            var url = asked.MediaUrls[i];
            found.Check(
                url.Length <= MediaUrlLengthMax && !url.Any(c => char.IsControl(c) || c == ' ')
                && Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttps && uri.UserInfo.Length == 0,
                $"auction.media_urls[{i}]", url, $"must be an https URL of at most {MediaUrlLengthMax} characters");
        }
    }

    private static void CheckText(string text, string field, int min, int max, Violations found, bool lines = false)
    {
        if (!found.Check(text.Trim().Length >= min, field, text, "must not be blank")) return;
        if (!found.Check(text.Length <= max, field, text, $"must have at most {max} characters, not {text.Length}")) return;
        found.Check(!text.Any(c => char.IsControl(c) && !(lines && c is '\n' or '\r' or '\t')), field, text, "must not hold control characters");
    }
}
