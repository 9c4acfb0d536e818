using System.IO.Hashing;

namespace Auctions.Feed.Tests.Redis;

/// <summary>Against the values in the sanity check of the reference implementation, over its generated buffer.</summary>
public class XxHash3Tests
{
    private const ulong Prime64 = 0x9E3779B185EBCA8D;

    [Theory]
    [InlineData(0, 0, 0x2D06800538D394C2)]
    [InlineData(0, Prime64, 0xA8A6B918B2F0364A)]
    [InlineData(1, 0, 0xC44BDFF4074EECDB)]
    [InlineData(1, Prime64, 0x032BE332DD766EF8)]
    [InlineData(6, 0, 0x27B56A84CD2D7325)]
    [InlineData(6, Prime64, 0x84589C116AB59AB9)]
    [InlineData(12, 0, 0xA713DAF0DFBB77E7)]
    [InlineData(12, Prime64, 0xE7303E1B2336DE0E)]
    [InlineData(24, 0, 0xA3FE70BF9D3510EB)]
    [InlineData(24, Prime64, 0x850E80FC35BDD690)]
    [InlineData(48, 0, 0x397DA259ECBA1F11)]
    [InlineData(48, Prime64, 0xADC2CBAA44ACC616)]
    [InlineData(80, 0, 0xBCDEFBBB2C47C90A)]
    [InlineData(80, Prime64, 0xC6DD0CB699532E73)]
    [InlineData(195, 0, 0xCD94217EE362EC3A)]
    [InlineData(195, Prime64, 0xBA68003D370CB3D9)]
    [InlineData(403, 0, 0xCDEB804D65C6DEA4)]
    [InlineData(403, Prime64, 0x6259F6ECFD6443FD)]
    [InlineData(512, 0, 0x617E49599013CB6B)]
    [InlineData(512, Prime64, 0x3CE457DE14C27708)]
    [InlineData(2048, 0, 0xDD59E2C3A5F038E0)]
    [InlineData(2048, Prime64, 0x66F81670669ABABC)]
    [InlineData(2367, 0, 0xCB37AEB9E5D361ED)]
    [InlineData(2367, Prime64, 0xD2DB3415B942B42A)]
    public void A_known_input_has_the_known_hash(int length, ulong seed, ulong hash) =>
        Assert.Equal(hash, XxHash3.HashToUInt64(Generated(length), unchecked((long)seed)));

    [Fact]
    public void Every_length_has_a_hash_of_its_own()
    {
        var hashes = Enumerable.Range(0, 1500).SelectMany(length => new[] { 0L, 1L }.Select(seed => XxHash3.HashToUInt64(new byte[length], seed)));
        Assert.Equal(3000, hashes.Distinct().Count());
    }

    private static byte[] Generated(int length)
    {
        var bytes = new byte[length];
        var state = 2654435761UL;
        for (var i = 0; i < length; i++)
        {
            bytes[i] = (byte)(state >> 56);
            state = unchecked(state * 11400714785074694797UL);
        }

        return bytes;
    }
}
