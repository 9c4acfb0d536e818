using System.Reflection;
using Auctions.Hosting;
using Microsoft.Extensions.Hosting;

namespace Auctions.IntegrationTests.Architecture;

/// <summary>Every background service of ours is a loop that only the host's stop ends.</summary>
public sealed class LoopsTests
{
    private static readonly string[] Rooms =
    [
        "Auctions.Ledger", "Auctions.HotState", "Auctions.Events", "Auctions.Grpc", "Auctions.Hosting",
        "BiddingService", "AuctionService", "CdcRedisUpdater", "StreamGateway", "DevStack",
    ];

    /// <summary>They work at the start or the stop of the host, and have no loop that goes on beside it.</summary>
    private static readonly string[] WithoutLoop = ["WarmUps", "Drain", "LedgerSchema"];

    public static TheoryData<string> Services =>
        [.. Rooms.SelectMany(room => Assembly.Load(room).GetTypes())
            .Where(type => type is { IsAbstract: false } && type.IsAssignableTo(typeof(IHostedService)))
            .Select(type => type.AssemblyQualifiedName!)];

    [Theory]
    [MemberData(nameof(Services))]
    public void No_exception_can_leave_a_background_service(string name)
    {
        var type = Type.GetType(name)!;
        if (!WithoutLoop.Contains(type.Name)) Assert.True(type.IsAssignableTo(typeof(BackgroundLoop)), type.FullName);
    }
}
