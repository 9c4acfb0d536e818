using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Auctions.Core;

/// <summary>
/// The terms of an auction: all that a decision needs and a bid cannot change. Amounts in minor units, times in
/// microseconds.
/// </summary>
/// <param name="SellerId">May not bid.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="Opening">The lowest first bid.</param>
/// <param name="Reserve">The lot is not sold below this price; 0 = none.</param>
/// <param name="BuyNow">The price of an immediate purchase; 0 = not offered.</param>
/// <param name="Increment">How far above the price the next bid must be.</param>
/// <param name="SoftClose">The protection against sniping.</param>
/// <param name="StartUs">Microseconds since 1970, UTC.</param>
public sealed record Terms(
    string SellerId,
    string Currency,
    long Opening,
    long Reserve,
    long BuyNow,
    Increment Increment,
    SoftClose SoftClose,
    long StartUs)
{
    private string? _line;
    private string? _digest;

    /// <summary>For <c>with</c>: the copy must not inherit the cached line and digest.</summary>
    private Terms(Terms original) =>
        (SellerId, Currency, Opening, Reserve, BuyNow, Increment, SoftClose, StartUs) =
        (original.SellerId, original.Currency, original.Opening, original.Reserve, original.BuyNow,
            original.Increment, original.SoftClose, original.StartUs);

    /// <summary>The number of hex digits in <see cref="Digest"/>.</summary>
    public const int DigestLength = 16;

    /// <summary>
    /// The canonical text: a hash field in Redis and a column in Postgres. Every entry carries its digest, so that a
    /// bid that was decided on an edited line cannot get into the ledger.
    /// </summary>
    public string Line => _line ??= string.Create(CultureInfo.InvariantCulture,
        $"{SellerId} {Currency} {Opening} {Reserve} {BuyNow} "
        + $"{SoftClose.WindowUs} {SoftClose.ExtensionUs} {SoftClose.MaxExtensions} {StartUs} {Increment}");

    /// <summary>The first 16 hex digits of the line's SHA-1. Lua and Postgres compute the same.</summary>
    public string Digest => _digest ??= DigestOf(Line);

    public bool Equals(Terms? other) => other is not null && Line == other.Line;

    public override int GetHashCode() => Line.GetHashCode(StringComparison.Ordinal);

    // SHA-1 is the only digest that Redis' Lua has. The ledger writes the line: no adversary can choose both texts.
#pragma warning disable CA5350
    public static string DigestOf(string line) =>
        Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes(line)))[..DigestLength];
#pragma warning restore CA5350

    /// <summary>
    /// Reads a <see cref="Line"/>. Accepts only what the rules, the scripts and the contract can work with, and only as
    /// <see cref="Line"/> writes it: another text has another digest.
    /// </summary>
    /// <exception cref="StoredValueException">A field is not one of an auction's terms.</exception>
    public static Terms Parse(string line)
    {
        var f = line.Split(' ');
        if (f.Length != 10) throw new StoredValueException("terms", line, $"must have 10 fields, not {f.Length}");
        StoredValues.Check(StoredValues.IsSubject(f[0]), "seller_id", f[0],
            "must be 1 to 128 printable ASCII characters without a blank");
        StoredValues.Check(Core.Currency.Find(f[1]) is not null, "currency", f[1], "must be a currency of ISO 4217");
        return new Terms(
            f[0], f[1], Amount(2, "opening", min: 1), Amount(3, "reserve"), Amount(4, "buy_now"),
            ParseIncrement(f[9]),
            new SoftClose(Time(5, "soft_close_window_us"), Time(6, "soft_close_extension_us"),
                (int)Number(7, "max_extensions", 0, int.MaxValue)),
            Time(8, "start_us"));

        long Amount(int i, string column, long min = 0) => Number(i, column, min, Core.Currency.MaxAmount);
        long Time(int i, string column) => Number(i, column, 0, StoredValues.TimeMaxUs);

        long Number(int i, string column, long min, long max) =>
            long.TryParse(f[i], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number >= min && number <= max && (f[i][0] != '0' || f[i].Length == 1)
                ? number
                : throw new StoredValueException(column, f[i], $"must be {min} to {max}");
    }

    private static Increment ParseIncrement(string text)
    {
        try
        {
            return Increment.Parse(text);
        }
        catch (FormatException)
        {
            throw new StoredValueException("increment", text, Increment.FormRule);
        }
    }
}

/// <summary>An accepted bid in the window before the end moves the end, up to a number of times.</summary>
/// <param name="WindowUs">Microseconds before the end.</param>
/// <param name="ExtensionUs">The end moves to this long after the bid's decision, if that is later.</param>
/// <param name="MaxExtensions">0 = no soft close.</param>
public sealed record SoftClose(long WindowUs, long ExtensionUs, int MaxExtensions)
{
    public static SoftClose None { get; } = new(0, 0, 0);
}

/// <summary>Microseconds since 1970, UTC: the unit of time in the scripts, the ledger and the rules.</summary>
public static class Microseconds
{
    public static long ToMicroseconds(this DateTimeOffset time) =>
        (time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    public static DateTimeOffset ToTime(long us) =>
        DateTimeOffset.UnixEpoch.AddTicks(us * TimeSpan.TicksPerMicrosecond);
}
