using System.Buffers.Binary;
using System.Numerics;

namespace System.IO.Hashing;

/// <summary>The 64-bit variant of XXH3, as the xxHash specification gives it. Not cryptographic.</summary>
public static class XxHash3
{
    internal const int StripeLength = 64;

    internal const ulong Prime32First = 0x9E3779B1, Prime32Second = 0x85EBCA77, Prime32Third = 0xC2B2AE3D;
    internal const ulong Prime64First = 0x9E3779B185EBCA87, Prime64Second = 0xC2B2AE3D27D4EB4F;
    internal const ulong Prime64Third = 0x165667B19E3779F9, Prime64Fourth = 0x85EBCA77C2B2AE63;
    internal const ulong Prime64Fifth = 0x27D4EB2F165667C5;
    private const ulong PrimeMixFirst = 0x165667919E3779F9, PrimeMixSecond = 0x9FB21C651E98DF25;

    private const int SecretLengthMin = 136;

    /// <summary>Hashes bytes of any length.</summary>
    /// <param name="source">The bytes.</param>
    /// <param name="seed">Another seed gives an unrelated hash of the same bytes.</param>
    /// <returns>The hash as a number; its canonical bytes are big-endian.</returns>
    public static ulong HashToUInt64(ReadOnlySpan<byte> source, long seed = 0)
    {
        var s = unchecked((ulong)seed);
        return source.Length switch
        {
            0 => Avalanche64(s ^ Read64(Secret.Default, 56) ^ Read64(Secret.Default, 64)),
            <= 3 => UpTo3(source, s),
            <= 8 => UpTo8(source, s),
            <= 16 => UpTo16(source, s),
            <= 128 => UpTo128(source, s),
            <= 240 => UpTo240(source, s),
            _ => LongInput.Hash(source, s),
        };
    }

    private static ulong UpTo3(ReadOnlySpan<byte> source, ulong seed)
    {
        var length = source.Length;
        var combined = ((uint)source[0] << 16) | ((uint)source[length >> 1] << 24) | source[length - 1] | ((uint)length << 8);
        var flip = (Read32(Secret.Default, 0) ^ Read32(Secret.Default, 4)) + seed;
        return Avalanche64(combined ^ flip);
    }

    private static ulong UpTo8(ReadOnlySpan<byte> source, ulong seed)
    {
        seed ^= (ulong)BinaryPrimitives.ReverseEndianness((uint)seed) << 32;
        var first = Read32(source, 0);
        var last = Read32(source, source.Length - 4);
        var flip = (Read64(Secret.Default, 8) ^ Read64(Secret.Default, 16)) - seed;
        var hash = (last + ((ulong)first << 32)) ^ flip;
        hash ^= BitOperations.RotateLeft(hash, 49) ^ BitOperations.RotateLeft(hash, 24);
        hash *= PrimeMixSecond;
        hash ^= (hash >> 35) + (ulong)source.Length;
        hash *= PrimeMixSecond;
        return hash ^ (hash >> 28);
    }

    private static ulong UpTo16(ReadOnlySpan<byte> source, ulong seed)
    {
        var flipLow = (Read64(Secret.Default, 24) ^ Read64(Secret.Default, 32)) + seed;
        var flipHigh = (Read64(Secret.Default, 40) ^ Read64(Secret.Default, 48)) - seed;
        var low = Read64(source, 0) ^ flipLow;
        var high = Read64(source, source.Length - 8) ^ flipHigh;
        return Avalanche((ulong)source.Length + BinaryPrimitives.ReverseEndianness(low) + high + Fold(low, high));
    }

    private static ulong UpTo128(ReadOnlySpan<byte> source, ulong seed)
    {
        var length = source.Length;
        var sum = (ulong)length * Prime64First;
        // Pairs of 16 bytes from both ends towards the middle; the outermost pair is added last.
        for (var pair = (length - 1) >> 5; pair >= 0; pair--)
        {
            sum += Mix16(source, pair * 16, Secret.Default, pair * 32, seed);
            sum += Mix16(source, length - ((pair + 1) * 16), Secret.Default, (pair * 32) + 16, seed);
        }

        return Avalanche(sum);
    }

    private static ulong UpTo240(ReadOnlySpan<byte> source, ulong seed)
    {
        var length = source.Length;
        var sum = (ulong)length * Prime64First;
        for (var i = 0; i < 8; i++) sum += Mix16(source, 16 * i, Secret.Default, 16 * i, seed);
        sum = Avalanche(sum);
        for (var i = 8; i < length / 16; i++) sum += Mix16(source, 16 * i, Secret.Default, (16 * (i - 8)) + 3, seed);
        return Avalanche(sum + Mix16(source, length - 16, Secret.Default, SecretLengthMin - 17, seed));
    }

    private static ulong Mix16(ReadOnlySpan<byte> source, int at, ReadOnlySpan<byte> secret, int secretAt, ulong seed) =>
        Fold(
            Read64(source, at) ^ (Read64(secret, secretAt) + seed),
            Read64(source, at + 8) ^ (Read64(secret, secretAt + 8) - seed));

    internal static ulong Fold(ulong left, ulong right)
    {
        var high = Math.BigMul(left, right, out var low);
        return high ^ low;
    }

    internal static ulong Avalanche(ulong hash)
    {
        hash ^= hash >> 37;
        hash *= PrimeMixFirst;
        return hash ^ (hash >> 32);
    }

    private static ulong Avalanche64(ulong hash)
    {
        hash ^= hash >> 33;
        hash *= Prime64Second;
        hash ^= hash >> 29;
        hash *= Prime64Third;
        return hash ^ (hash >> 32);
    }

    internal static ulong Read64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);

    private static uint Read32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
