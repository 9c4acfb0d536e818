using System.Diagnostics;
using System.Reflection;
using Auctions.Feed.Tests.References;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Compression;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>The stand-ins have all that their genuine consumers, in the version that is referenced here, ask for.</summary>
public class StandInReferencesTests
{
    private static readonly Assembly CoreApi = typeof(Metadata).Assembly;
    private static readonly Assembly NetCommon = typeof(ICompressionProvider).Assembly;

    public static TheoryData<Type> Consumers => [typeof(GrpcServiceOptions), typeof(GrpcChannel), typeof(Echo.EchoClient)];

    [Theory]
    [MemberData(nameof(Consumers))]
    public void Every_reference_is_resolved(Type typeOfConsumer)
    {
        var consumer = typeOfConsumer.Assembly;
        var references = AssemblyReferences.Resolve(consumer.Location, CoreApi.Location, NetCommon.Location);
        Assert.True(references.Types > 20 && references.Members > 50, references.ToString());
        Assert.Empty(references.Unresolved);
    }

    [Theory]
    [MemberData(nameof(Consumers))]
    public void Every_override_has_a_base(Type typeOfConsumer) =>
        Assert.Empty(Overrides.WithoutBase(typeOfConsumer.Assembly, CoreApi, NetCommon));

    [Theory]
    [MemberData(nameof(Consumers))]
    public void The_assembly_that_is_asked_for_is_the_one_that_is_there(Type typeOfConsumer)
    {
        foreach (var standIn in new[] { CoreApi.GetName(), NetCommon.GetName() })
        {
            var asked = typeOfConsumer.Assembly.GetReferencedAssemblies().Single(name => name.Name == standIn.Name);
            Assert.Equal(asked.FullName, standIn.FullName);
        }
    }

#if STAND_INS
    [Fact]
    public void The_stand_ins_say_that_they_are_stand_ins()
    {
        foreach (var standIn in new[] { CoreApi, NetCommon })
        {
            Assert.Equal("2.85.0-standin", FileVersionInfo.GetVersionInfo(standIn.Location).ProductVersion);
        }
    }
#endif
}
