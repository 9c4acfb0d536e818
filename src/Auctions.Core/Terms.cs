using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Auctions.Core;

/// <summary>
/// What an auction is held under: all that a decision needs and a bid cannot change. Amounts in minor units, times in
/// microseconds, 0 where there is none.
/// </summary>
/// <param name="SellerId">May not bid.</param>
/// <param name="Currency">ISO 4217.</param>
/// <param name="Opening">The least first bid.</param>
/// <param name="Reserve">Below it nothing is sold; 0 = none.</param>
/// <param name="BuyNow">Buys at once; 0 = none.</param>
/// <param name="Increment">How far above the price the next bid must be.</param>
/// <param name="SoftClose">Anti-sniping.</param>
/// <param name="StartUs">Microseconds since 1970, UTC.</param>
public sealed record Terms(
    string SellerId, string Currency, long Opening, long Reserve, long BuyNow, Increment Increment, SoftClose SoftClose, long StartUs)
{
    private string? _line;
    private string? _digest;

    /// <summary>For <c>with</c>: a copy has a line and a digest of its own.</summary>
    private Terms(Terms original) =>
        (SellerId, Currency, Opening, Reserve, BuyNow, Increment, SoftClose, StartUs) =
        (original.SellerId, original.Currency, original.Opening, original.Reserve, original.BuyNow, original.Increment, original.SoftClose, original.StartUs);

    /// <summary>Hex digits of <see cref="Digest"/>.</summary>
    public const int DigestLength = 16;

    /// <summary>
    /// The canonical line: a hash field in Redis and a column in Postgres. Its digest is what an entry took to be true of
    /// the terms, so that no edited line can get a bid into the ledger.
    /// </summary>
    public string Line => _line ??= string.Create(CultureInfo.InvariantCulture,
        $"{SellerId} {Currency} {Opening} {Reserve} {BuyNow} {SoftClose.WindowUs} {SoftClose.ExtensionUs} {SoftClose.MaxExtensions} {StartUs} {Increment}");

    /// <summary>The first 16 hex digits of the line's SHA-1 (what Lua and Postgres compute too).</summary>
    public string Digest => _digest ??= DigestOf(Line);

    public bool Equals(Terms? other) => other is not null && Line == other.Line;

    public override int GetHashCode() => Line.GetHashCode(StringComparison.Ordinal);

    public static string DigestOf(string line) =>
#pragma warning disable CA5350 // SHA-1 is the one digest that Redis' Lua has; the line's author is the ledger, not an adversary with a free choice of both sides.
        Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes(line)))[..DigestLength];
#pragma warning restore CA5350

    /// <summary>Reads a <see cref="Line"/>.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static Terms Parse(string line)
    {
        var f = line.Split(' ');
        if (f.Length != 10) throw new FormatException($"Terms have 10 fields, not {f.Length}: '{line}'.");
        return new Terms(f[0], f[1], Number(2), Number(3), Number(4), Increment.Parse(f[9]),
            new SoftClose(Number(5), Number(6), (int)Number(7, int.MaxValue)), Number(8));

        long Number(int i, long most = long.MaxValue) =>
            long.TryParse(f[i], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= most
                ? number
                : throw new FormatException($"Field {i + 1} of the terms is no number from 0 to {most}: '{line}'.");
    }
}

/// <summary>An accepted bid within the window before the end moves the end, as often as allowed.</summary>
/// <param name="WindowUs">Microseconds before the end.</param>
/// <param name="ExtensionUs">The end moves to this long after the bid's decision, if that is later.</param>
/// <param name="MaxExtensions">0 = no soft close.</param>
public sealed record SoftClose(long WindowUs, long ExtensionUs, int MaxExtensions)
{
    public static SoftClose None { get; } = new(0, 0, 0);
}
