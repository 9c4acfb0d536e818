using System.Collections.Concurrent;
using System.Reflection;
using Auctions.Core;
using Auctions.Hosting;
using Auctions.HotState;
using Auctions.IntegrationTests.Viewers;
using Auctions.Ledger;
using AuctionService.Closing;
using BiddingService;
using CdcRedisUpdater;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Auctions.IntegrationTests.Outages;

/// <summary>In each background loop, an auction that fails does not keep the others from their turn.</summary>
public sealed class IsolationTests
{
    private static readonly Guid Bad = Guid.NewGuid(), Good = Guid.NewGuid();

    private readonly SteppedClock _clock = new();
    private readonly ConcurrentQueue<(string Method, Guid Id)> _calls = new();
    private volatile bool _isHealed;

    public static TheoryData<Type> Faults =>
    [
        typeof(InvalidOperationException), typeof(OperationCanceledException), typeof(AggregateException),
        typeof(FormatException), typeof(TimeoutException),
    ];

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task The_updater_repairs_the_others_and_tries_the_one_again(Type fault)
    {
        using var metrics = new UpdaterMetrics();
        var repair = new RepairRedis(
            HotState(fault, (_, _) => Task.FromResult(true)), metrics, _clock, NullLogger<RepairRedis>.Instance);

        ChangedHead[] none = [];

        await Eventually.EndsAsync(repair.RepairAsync([Head(Bad), Head(Good)], CancellationToken.None));
        Assert.Equal([Good], Done(nameof(IHotState.DropIfBehindAsync)));

        _isHealed = true;
        await Eventually.EndsAsync(repair.RepairAsync(none, CancellationToken.None));
        Assert.Equal([Good], Done(nameof(IHotState.DropIfBehindAsync)));
        _clock.Advance(PutAside.DelayMin);
        await Eventually.EndsAsync(repair.RepairAsync(none, CancellationToken.None));
        Assert.Equal([Good, Bad], Done(nameof(IHotState.DropIfBehindAsync)));
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task The_sweep_looks_at_the_others(Type fault)
    {
        var terms = new Terms("sel", "USD", 100, 0, 0, new Increment.Fixed(10), SoftClose.None, 1);
        var head = new Head(0, Guid.NewGuid(), terms, AuctionState.Opened(AuctionStatus.Active, Currency.MaxAmount), 1);
        var bid = new Bid("ann", Guid.NewGuid(), BidKind.Proxy, "USD", 0, 500);
        var pending = DecidedBid.Decide(Good, head, Guid.NewGuid(), bid, 2);
        var hotState = HotState(fault, (method, _) => method.Name switch
        {
            nameof(IHotState.ReadPendingIndexAsync) => Task.FromResult<IReadOnlyList<Guid>>([Bad, Good]),
            nameof(IHotState.RepairPendingIndexAsync) => Task.FromResult(2),
            nameof(IHotState.ReadPendingAsync) => Task.FromResult<IReadOnlyList<DecidedBid>>([pending]),
            nameof(IHotState.ReadHeadAsync) => Task.FromResult<HotHead?>(null),
            _ => Task.FromResult(true),
        });
        var ledger = Stub.Of<ILedger>((_, _) => Task.FromResult<Head?>(null));
        using var sweep = new Sweep(
            hotState, new Recovery(hotState, ledger), Options.Create(new BiddingOptions { SweepSeconds = 1 }),
            TimeProvider.System, NullLogger<Sweep>.Instance);

        await sweep.StartAsync(CancellationToken.None);
        await Eventually.TrueAsync(() => Done(nameof(IHotState.ReadHeadAsync)).Contains(Good));
        Assert.False(sweep.ExecuteTask!.IsCompleted);
        await Eventually.EndsAsync(sweep.StopAsync(CancellationToken.None));
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task The_trimmer_removes_the_entries_of_the_others(Type fault)
    {
        var trimmer = new PendingTrimmer(
            HotState(fault, (_, _) => Task.CompletedTask), TimeSpan.FromMilliseconds(1), TimeProvider.System,
            NullLogger<PendingTrimmer>.Instance);
        for (var round = 1; round <= 3; round++)
        {
            trimmer.Add(Bad, [round]);
            trimmer.Add(Good, [round]);
            await Eventually.TrueAsync(() => Done(nameof(IHotState.RemovePendingAsync)).Count == round);
        }
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task Other_auctions_start(Type fault)
    {
        List<Guid> due = [Bad, Good];
        var tries = 0;
        var waves = Stub.Of<ILedgerWaves>((method, arguments) =>
        {
            if (method.Name == nameof(ILedgerWaves.FindStartingAsync))
                return Task.FromResult(due.Except((IEnumerable<Guid>)arguments[1]!).ToList());
            var ids = (IReadOnlyList<Guid>)arguments[0]!;
            if (ids.Contains(Bad)) tries++;
            if (ids.Contains(Bad) && !_isHealed) throw (Exception)Activator.CreateInstance(fault)!;
            return Task.FromResult(ids.ToList());
        });
        var started = new List<Guid>();
        var lifecycle = Stub.Of<ILedgerLifecycle>((_, arguments) =>
        {
            started.AddRange((IEnumerable<Guid>)arguments[0]!);
            return Task.FromResult(new List<AuctionRow>());
        });
        var start = new StartAuctions(
            waves, lifecycle, HotState(fault, (_, _) => Task.FromResult(true)), _clock,
            NullLogger<StartAuctions>.Instance);

        await Eventually.EndsAsync(start.StartDueAsync(CancellationToken.None));
        Assert.Equal([Good], started);
        due.Remove(Good);
        var triesBefore = tries;

        await Eventually.EndsAsync(start.StartDueAsync(CancellationToken.None));
        Assert.Equal(triesBefore, tries); // it is put aside

        _isHealed = true;
        _clock.Advance(PutAside.DelayMin);
        await Eventually.EndsAsync(start.StartDueAsync(CancellationToken.None));
        Assert.Equal([Good, Bad], started);
    }

    [Fact]
    public async Task Other_auctions_are_shown()
    {
        await using var gateway = new InMemoryGateway();
        await gateway.StartAsync();
        var (bad, good) = (gateway.Commit(Rows.Auction(1, 1_000)), gateway.Commit(Rows.Auction(1, 1_000)));
        var ((_, badStream), (recorder, goodStream)) = (gateway.Watch(bad.Id), gateway.Watch(good.Id));
        await Eventually.TrueAsync(() => gateway.Fanout.Watched.Count(a => a.Published is not null) == 2);

        for (var version = 2; version < 5; version++)
        {
            gateway.Apply(bad with { Version = version, Currency = null! });
            gateway.Apply(good with { Version = version, Price = version * 1_000 });
            var expected = version;
            await Eventually.TrueAsync(() =>
                gateway.Fanout.Watched.Single(a => a.Id == good.Id).Published!.Version == expected);
        }

        Assert.False(gateway.Fanout.ExecuteTask!.IsCompleted);
        Assert.False(goodStream.IsCompleted);
        Assert.NotNull(recorder);
        Assert.NotNull(badStream);
        gateway.Drain();
    }

    private static ChangedHead Head(Guid id) => new(id, 1, Guid.NewGuid(), 0);

    private List<Guid> Done(string method) => [.. _calls.Where(c => c.Method == method).Select(c => c.Id)];

    /// <summary>Redis, on which each call for the bad auction fails.</summary>
    private IHotState HotState(Type fault, Func<MethodInfo, object?[], object?> answer) =>
        Stub.Of<IHotState>((method, arguments) =>
        {
            var id = arguments.OfType<Guid>().FirstOrDefault();
            if (id == Bad && !_isHealed) throw (Exception)Activator.CreateInstance(fault)!;
            _calls.Enqueue((method.Name, id));
            return answer(method, arguments);
        });

    /// <summary>An interface whose calls a test answers.</summary>
    private class Stub : DispatchProxy
    {
        private Func<MethodInfo, object?[], object?> _answer = null!;

        public static T Of<T>(Func<MethodInfo, object?[], object?> answer) where T : class
        {
            var stub = Create<T, Stub>();
            ((Stub)(object)stub)._answer = answer;
            return stub;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            _answer(targetMethod!, args ?? []);
    }
}
