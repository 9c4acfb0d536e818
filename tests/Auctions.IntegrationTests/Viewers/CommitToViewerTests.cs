using Auctions.Core;
using Auctions.Grpc;
using Auctions.IntegrationTests.Events;
using Auctions.IntegrationTests.Ledger;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using DevStack.Relay;
using Frame = Auctions.V1.WatchResponse.FrameOneofCase;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>From a commit to a viewer, through Postgres, the relay, Kafka, the gateway and a client.</summary>
[Collection(PostgresCollection.Name)]
public sealed class CommitToViewerTests(PostgresServer postgres) : IAsyncLifetime
{
    private const long Secret = 777_777_77;

    private TestStack _stack = null!;
    private RunningRelay _relay = null!;

    private LedgerDatabase Ledger => _stack.Database;

    public async Task InitializeAsync()
    {
        _stack = await TestStack.StartAsync(postgres, kafka: true);
        _relay = new RunningRelay(
            Ledger.ConnectionString, $"viewers_{Guid.NewGuid():N}", _stack.Kafka.Address, SnapshotMode.WhenNeeded);
    }

    public async Task DisposeAsync()
    {
        await _relay.DisposeAsync();
        await _stack.DisposeAsync();
    }

    [Fact]
    public async Task A_viewer_sees_the_ledgers_states_to_the_end_and_no_secret()
    {
        var gateway = await GatewayHost.StartAsync(_stack, "--Gateway:CoalesceMs=5");
        var terms = LedgerDatabase.VaseTerms with { Reserve = Secret };
        var auction = await Ledger.OpenAsync(terms);
        using var viewer = gateway.Watch(auction);
        await Eventually.TrueAsync(() => viewer.Frames.Count == 1);
        for (var i = 1; i <= 20; i++)
        {
            var bid = await Ledger.DecideAsync(auction, LedgerDatabase.Proxy(i % 2 == 0 ? "ann" : "bob", 10_00 * i));
            Assert.Equal(AppendOutcome.Appended, await Ledger.AppendOneAsync(bid));
            if (i % 5 == 0) await Eventually.TrueAsync(() => viewer.Version >= i);
        }

        var winning = await Ledger.DecideAsync(auction, LedgerDatabase.Proxy("eve", Secret + 1));
        Assert.Equal(AppendOutcome.Appended, await Ledger.AppendOneAsync(winning));
        var sealing = await Ledger.SealAsync(auction, SealCause.Time, LedgerDatabase.Start + LedgerDatabase.Hour);
        Assert.Equal(SealOutcome.Sealed, sealing.Outcome);
        await Eventually.EndsAsync(viewer.Ended);

        var head = await Ledger.HeadAsync(auction);
        Assert.Equal((Frame.Ended, "eve"), (viewer.Frames[^1].FrameCase, viewer.Frames[^1].Ended.WinnerId));
        Assert.Equal(StateMap.State(head.Terms, head.State, head.Version), ReplayedState.Of(viewer.Frames));
        Assert.Equal(viewer.Frames.Select(f => f.Version).Order(), viewer.Frames.Select(f => f.Version));
        // The price has reached the reserve. The ceiling, one cent above, is still secret.
        Assert.DoesNotContain(MoneyMap.FromMinor(Secret + 1, "USD").ToString(), string.Join('\n', viewer.Frames));
        var unsold = viewer.Frames.Where(f => f.Version < 21);
        Assert.DoesNotContain("777777", string.Join('\n', unsold));
    }

    [Fact]
    public async Task A_manual_update_reaches_viewers_as_an_entry()
    {
        var gateway = await GatewayHost.StartAsync(_stack);
        var auction = await Ledger.OpenAsync();
        using var viewer = gateway.Watch(auction);
        await Eventually.TrueAsync(() => viewer.Frames.Count == 1);
        await Ledger.ByHandAsync($"update auctions set end_us = end_us + 60000000 where id = '{auction}'");
        await Eventually.TrueAsync(() => viewer.Version == 1);
        Assert.Equal(TimeMap.FromUs((await Ledger.HeadAsync(auction)).State.EndUs), viewer.Frames[^1].Delta.EndTime);
    }
}
