using ArchUnitNET.Loader;
using ArchUnitNET.xUnit;
using static ArchUnitNET.Fluent.ArchRuleDefinition;
using Assembly = System.Reflection.Assembly;

namespace Auctions.IntegrationTests.Architecture;

/// <summary>
/// The rooms of the house and the stairs between them: docs/adr/0013-rooms-and-stairs.md. What a room may use is
/// written down here; it uses nothing else of ours. So the stairs go one way, and no service knows another.
/// </summary>
public sealed class StairsTests
{
    private static readonly Dictionary<string, string[]> MayUse = new()
    {
        ["Auctions.Core"] = [],
        ["Auctions.Hosting"] = [],
        ["Auctions.Ledger"] = ["Auctions.Core", "Auctions.Hosting"],
        ["Auctions.HotState"] = ["Auctions.Core", "Auctions.Hosting", "Auctions.Ledger"],
        ["Auctions.Events"] = ["Auctions.Hosting"],
        ["Auctions.Grpc"] = ["Auctions.Core", "Auctions.Hosting", "Auctions.Ledger", "Auctions.HotState"],
        ["BiddingService"] = [.. Shared],
        ["AuctionService"] = [.. Shared],
        ["CdcRedisUpdater"] = [.. Shared, "Auctions.Events"],
        ["StreamGateway"] = [.. Shared, "Auctions.Events"],
        ["AuctionCtl"] = [.. Shared],
        ["DevStack"] = ["Auctions.Core", "Auctions.Hosting", "Auctions.Ledger", "Auctions.Events"],
    };

    private static readonly ArchUnitNET.Domain.Architecture House =
        new ArchLoader().LoadAssemblies([.. MayUse.Keys.Select(Assembly.Load)]).Build();

    private static string[] Shared =>
        ["Auctions.Core", "Auctions.Hosting", "Auctions.Ledger", "Auctions.HotState", "Auctions.Grpc"];

    public static TheoryData<string> Rooms => [.. MayUse.Keys];

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_uses_only_the_rooms_below_it(string room)
    {
        foreach (var other in MayUse.Keys.Where(other => other != room && !MayUse[room].Contains(other)))
        {
            Types().That().ResideInAssembly(Assembly.Load(room))
                .Should().NotDependOnAny(Types().That().ResideInAssembly(Assembly.Load(other)))
                .Check(House);
        }
    }

    [Fact]
    public void The_stairs_have_no_circle() => Assert.All(MayUse, room =>
        Assert.All(room.Value, below => Assert.DoesNotContain(room.Key, MayUse[below])));

    [Fact]
    public void Core_uses_no_package() => Assert.All(
        Assembly.Load("Auctions.Core").GetReferencedAssemblies(),
        reference => Assert.StartsWith("System.", reference.Name, StringComparison.Ordinal));

    [Fact]
    public void Every_assembly_of_ours_is_a_room()
    {
        var ours = Directory.GetFiles(AppContext.BaseDirectory, "*.dll").Select(Path.GetFileNameWithoutExtension)
            .Where(name => name!.StartsWith("Auctions.", StringComparison.Ordinal))
            .Except(["Auctions.IntegrationTests"]);
        Assert.Subset(MayUse.Keys.ToHashSet(), ours.ToHashSet()!);
    }
}
