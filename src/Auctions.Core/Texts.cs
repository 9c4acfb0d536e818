using System.Globalization;
using System.Text;

namespace Auctions.Core;

/// <summary>
/// What a text that others are shown may be. It is shown as it is stored, so it has no controls, no overrides of the
/// writing direction, and nothing that stands for a damaged character.
/// </summary>
/// <param name="ElementsMax">
/// The most text elements: what a reader takes for one character, such as an emoji or a letter with its accents. Eight
/// UTF-8 bytes for each are the second limit.
/// </param>
/// <param name="Required">Whether the text must not be empty.</param>
/// <param name="SeveralLines">Whether line breaks and tabs are allowed.</param>
public sealed record TextRule(int ElementsMax, bool Required = false, bool SeveralLines = false)
{
    private const int BytesPerElement = 8;

    /// <summary>UTF-8 bytes.</summary>
    public int BytesMax => BytesPerElement * ElementsMax;

    /// <summary>The rule that the text breaks, as the continuation of a sentence; null if it breaks none.</summary>
    public string? Broken(string text)
    {
        if (text.Length == 0) return Required ? "must not be empty" : null;

        // The bytes come first: they bound the work of the rest.
        var bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes > BytesMax) return Invariant($"must have at most {BytesMax} bytes in UTF-8, not {bytes}");
        var visible = false;
        foreach (var rune in text.EnumerateRunes()) // half a surrogate pair is enumerated as U+FFFD
        {
            if (BrokenBy(rune) is { } rule) return rule;
            visible |= IsVisible(rune);
        }

        if (!visible) return "must have at least one visible character";
        var elements = new StringInfo(text).LengthInTextElements;
        return elements > ElementsMax ? Invariant($"must have at most {ElementsMax} characters, not {elements}") : null;
    }

    private string? BrokenBy(Rune rune)
    {
        var code = rune.Value;
        if (Rune.IsControl(rune) && !(SeveralLines && code is '\n' or '\r' or '\t'))
            return Invariant($"must not contain control characters such as U+{code:X4}");
        return code switch
        {
            0x2028 or 0x2029 => Invariant($"must not contain the separator U+{code:X4}"),
            (>= 0x202A and <= 0x202E) or (>= 0x2066 and <= 0x2069) =>
                Invariant($"must not change the writing direction with U+{code:X4}"),
            0xFFFD => "must not contain U+FFFD, which stands for a character that was damaged",
            >= 0xFDD0 and <= 0xFDEF => Invariant($"must not contain the non-character U+{code:X4}"),
            _ when (code & 0xFFFE) == 0xFFFE => Invariant($"must not contain the non-character U+{code:X4}"),
            _ => null,
        };
    }

    /// <summary>Whether a reader sees it without a character before it.</summary>
    private static bool IsVisible(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber
            or UnicodeCategory.OtherNumber or UnicodeCategory.ConnectorPunctuation or UnicodeCategory.DashPunctuation
            or UnicodeCategory.OpenPunctuation or UnicodeCategory.ClosePunctuation
            or UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation
            or UnicodeCategory.OtherPunctuation or UnicodeCategory.MathSymbol or UnicodeCategory.CurrencySymbol
            or UnicodeCategory.ModifierSymbol => true,
        // Letters and symbols that are blank: fillers of Hangul and of hieroglyphs, an empty Braille cell, a null note.
        UnicodeCategory.OtherLetter or UnicodeCategory.OtherSymbol => rune.Value
            is not (0x115F or 0x1160 or 0x3164 or 0xFFA0 or 0x2800 or 0x1D159 or 0x13441 or 0x13442),
        _ => false, // marks, spaces, formats such as U+200B, U+FEFF and U+00AD, private use, unassigned
    };

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}

/// <summary>The rules for the texts of an auction.</summary>
public static class AuctionTexts
{
    public const int MediaUrlsMax = 20;

    /// <summary>Characters of a normalised URL, which is ASCII.</summary>
    public const int MediaUrlLengthMax = 2_048;

    public static TextRule Title { get; } = new(200, Required: true);
    public static TextRule Description { get; } = new(20_000, SeveralLines: true);
    public static TextRule Category { get; } = new(100);
    public static TextRule PostId { get; } = new(128);

    /// <summary>Why an auction was cancelled or ended.</summary>
    public static TextRule Reason { get; } = new(500);

    /// <summary>The bytes of all texts of the largest auction.</summary>
    public static int BytesMax =>
        Title.BytesMax + Description.BytesMax + Category.BytesMax + PostId.BytesMax + MediaUrlsMax * MediaUrlLengthMax;

    /// <summary>
    /// Texts as somebody may set them by hand: no longer than those of the contract, so that every auction fits into a
    /// message.
    /// </summary>
    /// <exception cref="StoredValueException">A text is longer.</exception>
    public static void CheckSizes(
        string title, string description, IReadOnlyList<string?> mediaUrls, string category, string postId,
        string cancelReason)
    {
        Check("title", title, Title.BytesMax);
        Check("description", description, Description.BytesMax);
        Check("category", category, Category.BytesMax);
        Check("post_id", postId, PostId.BytesMax);
        Check("cancel_reason", cancelReason, Reason.BytesMax);
        StoredValues.Check(mediaUrls.Count <= MediaUrlsMax, "media_urls", mediaUrls.Count,
            $"must be at most {MediaUrlsMax}");
        foreach (var url in mediaUrls)
        {
            Check("media_urls", url ?? throw new StoredValueException("media_urls", "null", "must have no null"),
                MediaUrlLengthMax);
        }

        static void Check(string column, string text, int max) => StoredValues.Check(
            Encoding.UTF8.GetByteCount(text) <= max, column, text, $"must have at most {max} bytes in UTF-8");
    }
}
