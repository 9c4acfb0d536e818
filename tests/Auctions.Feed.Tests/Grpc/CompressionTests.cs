using System.IO.Compression;
using Grpc.Net.Compression;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>What is compressed is a whole stream of its format, even of nothing.</summary>
public class CompressionTests
{
    public static TheoryData<ICompressionProvider> Providers =>
    [
        new GzipCompressionProvider(CompressionLevel.Fastest),
        new DeflateCompressionProvider(CompressionLevel.Optimal),
    ];

    [Fact]
    public void Nothing_in_gzip_is_twenty_bytes() =>
        Assert.Equal(20, Compressed(new GzipCompressionProvider(CompressionLevel.Fastest), [], CompressionLevel.Optimal).Length);

    [Theory]
    [MemberData(nameof(Providers))]
    public void What_was_compressed_comes_back(ICompressionProvider provider)
    {
        foreach (var length in new[] { 0, 1, 100_000 })
        {
            var data = Enumerable.Range(0, length).Select(i => (byte)i).ToArray();
            Assert.Equal(data, Decompressed(provider, Compressed(provider, data, null)));
        }
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public async Task What_was_compressed_asynchronously_comes_back(ICompressionProvider provider)
    {
        foreach (var data in new byte[][] { [], [1, 2, 3] })
        {
            var to = new MemoryStream();
            await using (var compressing = provider.CreateCompressionStream(to, null))
            {
                await compressing.WriteAsync(data);
                await compressing.FlushAsync();
            }

            Assert.Equal(data, Decompressed(provider, to.ToArray()));
        }
    }

    [Theory]
    [MemberData(nameof(Providers))]
    public void A_stream_that_is_disposed_of_ends_once_and_takes_nothing_more(ICompressionProvider provider)
    {
        var to = new MemoryStream();
        var compressing = provider.CreateCompressionStream(to, null);
        compressing.Dispose();
        var length = to.Length;
        compressing.Dispose();
        Assert.Equal(length, to.Length);
        Assert.True(to.CanWrite);
        Assert.False(compressing.CanWrite);
        Assert.Throws<ObjectDisposedException>(() => compressing.Write([1]));
    }

    private static byte[] Compressed(ICompressionProvider provider, byte[] data, CompressionLevel? level)
    {
        var to = new MemoryStream();
        using (var compressing = provider.CreateCompressionStream(to, level))
        {
            compressing.Write(data);
        }

        return to.ToArray();
    }

    private static byte[] Decompressed(ICompressionProvider provider, byte[] data)
    {
        var to = new MemoryStream();
        using var decompressing = provider.CreateDecompressionStream(new MemoryStream(data));
        decompressing.CopyTo(to);
        return to.ToArray();
    }
}
