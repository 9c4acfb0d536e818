using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;

namespace Auctions.Feed.Tests.References;

/// <summary>The resolution itself: it finds what was broken on purpose.</summary>
public class AssemblyReferencesTests
{
    private static readonly byte[] Consumer = File.ReadAllBytes(typeof(GrpcChannel).Assembly.Location);

    [Fact]
    public void A_type_that_the_provider_lacks_is_found()
    {
        var found = AssemblyReferences.Resolve(Consumer, Renamed("WriteOptions", "WriteOptionz"));
        Assert.Contains("[Grpc.Core.Api] Grpc.Core.WriteOptions", found.Unresolved);
    }

    [Fact]
    public void A_member_that_the_provider_lacks_is_found()
    {
        var found = AssemblyReferences.Resolve(Consumer, Renamed("get_IsWaitForReady", "get_IsWaitForReadz"));
        Assert.Equal(["[Grpc.Core.Api] Grpc.Core.CallOptions :: get_IsWaitForReady: instance Boolean <0>()"], found.Unresolved);
    }

    [Fact]
    public void A_member_of_another_signature_is_found()
    {
        var found = AssemblyReferences.Resolve(Consumer, WithCountAsLong());
        Assert.Contains("[Grpc.Core.Api] Grpc.Core.Metadata :: get_Count: instance Int32 <0>()", found.Unresolved);
    }

    [Fact]
    public void A_provider_that_is_not_among_the_references_counts_nothing()
    {
        var found = AssemblyReferences.Resolve(Consumer, File.ReadAllBytes(typeof(FactAttribute).Assembly.Location));
        Assert.Equal((0, 0), (found.Types, found.Members));
    }

    private static byte[] Renamed(string name, string other)
    {
        var image = File.ReadAllBytes(typeof(Metadata).Assembly.Location);
        var (from, to) = (Encoding.UTF8.GetBytes($"{name}\0"), Encoding.UTF8.GetBytes($"{other}\0"));
        // A name that another one ends with shares its bytes, so it need not begin after a zero.
        for (var at = image.AsSpan().IndexOf(from); at >= 0; at = image.AsSpan().IndexOf(from))
        {
            to.CopyTo(image.AsSpan(at));
        }

        return image;
    }

    private static byte[] WithCountAsLong()
    {
        var image = File.ReadAllBytes(typeof(Metadata).Assembly.Location);
        using var file = new PEReader(new MemoryStream(image.ToArray()));
        var reader = file.GetMetadataReader();
        var getCount = reader.MethodDefinitions.Select(reader.GetMethodDefinition)
            .First(method => reader.GetString(method.Name) == "get_Count");
        var signature = file.PEHeaders.MetadataStartOffset
            + reader.GetHeapMetadataOffset(HeapIndex.Blob)
            + reader.GetHeapOffset(getCount.Signature);
        // The blob: its length, the calling convention, no parameters, the return type.
        Assert.Equal((byte)SignatureTypeCode.Int32, image[signature + 3]);
        image[signature + 3] = (byte)SignatureTypeCode.Int64;
        return image;
    }
}
