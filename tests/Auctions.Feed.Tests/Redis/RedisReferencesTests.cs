using System.Diagnostics;
using System.IO.Hashing;
using System.Reflection;
using Auctions.Feed.Tests.References;
using Pipelines.Sockets.Unofficial;
using StackExchange.Redis;

namespace Auctions.Feed.Tests.Redis;

/// <summary>The stand-ins have all that the genuine client, in the version that is referenced here, asks for.</summary>
public class RedisReferencesTests
{
    private static readonly Assembly Client = typeof(ConnectionMultiplexer).Assembly;
    private static readonly Assembly Pipelines = typeof(SocketConnection).Assembly;
    private static readonly Assembly Hashing = typeof(XxHash3).Assembly;

    [Fact]
    public void Every_reference_is_resolved()
    {
        var references = AssemblyReferences.Resolve(Client.Location, Pipelines.Location, Hashing.Location);
        Assert.True(references.Types > 20 && references.Members > 50, references.ToString());
        Assert.Empty(references.Unresolved);
    }

    [Fact]
    public void Every_override_has_a_base() => Assert.Empty(Overrides.WithoutBase(Client, Pipelines, Hashing));

    [Fact]
    public void The_assembly_that_is_asked_for_is_the_one_that_is_there()
    {
        foreach (var provided in new[] { Pipelines.GetName(), Hashing.GetName() })
        {
            var asked = Client.GetReferencedAssemblies().Single(name => name.Name == provided.Name);
            Assert.Equal(asked.Version, provided.Version);
        }
    }

#if STAND_INS
    [Fact]
    public void The_stand_ins_say_that_they_are_stand_ins()
    {
        Assert.Equal("2.2.16-standin", FileVersionInfo.GetVersionInfo(Pipelines.Location).ProductVersion);
        Assert.Equal("10.0.2-standin", FileVersionInfo.GetVersionInfo(Hashing.Location).ProductVersion);
    }
#endif
}
