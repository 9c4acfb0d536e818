namespace System.IO.Hashing;

/// <summary>XXH3 of more than 240 bytes: eight lanes over stripes of 64 bytes, scrambled after each block.</summary>
internal static class LongInput
{
    private const int Lanes = 8;

    // Each stripe moves the secret on by 8 bytes, so a secret of 192 bytes gives 16 stripes a block.
    private const int SecretStep = 8;
    private const int StripesPerBlock = (Secret.Length - XxHash3.StripeLength) / SecretStep;
    private const int BlockLength = StripesPerBlock * XxHash3.StripeLength;

    internal static ulong Hash(ReadOnlySpan<byte> source, ulong seed)
    {
        Span<byte> derived = stackalloc byte[Secret.Length];
        if (seed != 0) Secret.Derive(seed, derived);
        return Hash(source, seed == 0 ? Secret.Default : derived);
    }

    private static ulong Hash(ReadOnlySpan<byte> source, scoped ReadOnlySpan<byte> secret)
    {
        Span<ulong> lanes =
        [
            XxHash3.Prime32Third, XxHash3.Prime64First, XxHash3.Prime64Second, XxHash3.Prime64Third,
            XxHash3.Prime64Fourth, XxHash3.Prime32Second, XxHash3.Prime64Fifth, XxHash3.Prime32First,
        ];

        // The last block may be whole, and is then not scrambled: hence the minus one.
        var blocks = (source.Length - 1) / BlockLength;
        for (var block = 0; block < blocks; block++)
        {
            AddStripes(lanes, source.Slice(block * BlockLength, BlockLength), StripesPerBlock, secret);
            Scramble(lanes, secret[^XxHash3.StripeLength..]);
        }

        var rest = source[(blocks * BlockLength)..];
        AddStripes(lanes, rest, (rest.Length - 1) / XxHash3.StripeLength, secret);
        AddStripe(lanes, source[^XxHash3.StripeLength..], secret[(Secret.Length - XxHash3.StripeLength - 7)..]);
        return Merge(lanes, secret[11..], (ulong)source.Length * XxHash3.Prime64First);
    }

    private static void AddStripes(Span<ulong> lanes, ReadOnlySpan<byte> source, int stripes, ReadOnlySpan<byte> secret)
    {
        for (var i = 0; i < stripes; i++)
        {
            AddStripe(lanes, source[(i * XxHash3.StripeLength)..], secret[(i * SecretStep)..]);
        }
    }

    private static void AddStripe(Span<ulong> lanes, ReadOnlySpan<byte> stripe, ReadOnlySpan<byte> secret)
    {
        for (var i = 0; i < Lanes; i++)
        {
            var value = XxHash3.Read64(stripe, i * 8);
            var keyed = value ^ XxHash3.Read64(secret, i * 8);
            lanes[i ^ 1] += value;
            lanes[i] += (keyed & uint.MaxValue) * (keyed >> 32);
        }
    }

    private static void Scramble(Span<ulong> lanes, ReadOnlySpan<byte> secret)
    {
        for (var i = 0; i < Lanes; i++)
        {
            var lane = lanes[i];
            lane ^= lane >> 47;
            lane ^= XxHash3.Read64(secret, i * 8);
            lanes[i] = lane * XxHash3.Prime32First;
        }
    }

    private static ulong Merge(ReadOnlySpan<ulong> lanes, ReadOnlySpan<byte> secret, ulong start)
    {
        var sum = start;
        for (var i = 0; i < Lanes; i += 2)
        {
            sum += XxHash3.Fold(
                lanes[i] ^ XxHash3.Read64(secret, i * 8),
                lanes[i + 1] ^ XxHash3.Read64(secret, (i + 1) * 8));
        }

        return XxHash3.Avalanche(sum);
    }
}
