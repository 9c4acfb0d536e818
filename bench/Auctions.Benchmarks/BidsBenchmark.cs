using Auctions.Benchmarks.Cases;
using Auctions.Benchmarks.Limits;
using Auctions.Benchmarks.Load;
using Auctions.Benchmarks.Machine;
using Auctions.Benchmarks.Report;
using Auctions.Peers;
using Auctions.HotState;
using Auctions.Ledger;

namespace Auctions.Benchmarks;

/// <summary>The whole run, in the order in which it happens.</summary>
internal sealed class BidsBenchmark(Scale scale, Selection selection, TimeProvider timeProvider)
{
    private static readonly string[] Peers = [.. BidsReport.Designs.Where(d => d != "ours")];

    private readonly Dictionary<string, CaseResult> _cases = [];
    private readonly List<CaseResult> _sweep = [], _latency = [];
    private readonly List<LimitResults> _limits = [];
    private readonly long _began = timeProvider.GetTimestamp();

    /// <exception cref="DevStack.Supervision.StackException">The servers do not start.</exception>
    public async Task<BidsReport> RunAsync(string runDirectory, CancellationToken cancellationToken)
    {
        Say("starting");
        await using var stack = await BenchStack.StartAsync(runDirectory, timeProvider, cancellationToken);
        await using var postgres = LedgerDataSource.Create(stack.PostgresConnection);
        await using var redis = await RedisConnection.ConnectAsync(stack.RedisAddress + ",allowAdmin=true");
        await PrepareAsync(postgres, cancellationToken);
        var maker = new AuctionMaker(postgres, timeProvider);
        var runner = new CaseRunner(stack, new LoadRun(new BidderTokens(stack.JwtKey, Scale.Bidders, timeProvider), timeProvider),
            new Counters(postgres, redis), new RedisAof(redis, timeProvider), new AnswerCheck(postgres), new ChainCheck(postgres), timeProvider);
        var bench = new Bench(scale, stack, maker, runner, Say);
        var limits = new LimitSuite(scale, stack, maker, redis, postgres, timeProvider);

        var sizes = await SweepAsync(bench, cancellationToken);
        await RoundsAsync(bench, limits, sizes, cancellationToken);
        await ManyAsync(bench, cancellationToken);
        if (selection.Has("latency")) await LatencyAsync(bench, sizes, cancellationToken);
        return BidsReport.Of(scale, _cases, _sweep, _latency, LimitResults.Median(_limits), timeProvider.GetElapsedTime(_began), timeProvider.GetUtcNow());
    }

    private static async Task PrepareAsync(Npgsql.NpgsqlDataSource postgres, CancellationToken cancellationToken)
    {
        await LedgerDataSource.CheckDurabilityAsync(postgres, cancellationToken);
        await using var command = postgres.CreateCommand(PeerSchema.Sql);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Each peer with each pool size, on the hot auction and on many: the best of each is what it is measured with.</summary>
    private async Task<Dictionary<(string Design, bool Hot), int>> SweepAsync(Bench bench, CancellationToken cancellationToken)
    {
        var best = new Dictionary<(string, bool), int>();
        foreach (var design in Peers.Where(d => Wanted(d)))
        {
            var rates = new List<CaseResult>();
            foreach (var size in scale.PoolSizes)
            {
                var server = await bench.Stack.StartPeerAsync(design, size, cancellationToken);
                foreach (var hot in (bool[])[true, false])
                    rates.Add(await bench.PeerAsync(design, server, size, hot, Scale.Callers, scale.SweepS, cancellationToken));
                await bench.Stack.StopAsync(server);
            }

            foreach (var hot in (bool[])[true, false])
                best[(design, hot)] = rates.Where(r => r.On == (hot ? "hot" : bench.Spread)).MaxBy(r => r.AckedPerS)!.Connections!.Value;
            _sweep.AddRange(rates);
        }

        return best;
    }

    private bool Wanted(string design) => selection.Has($"{design}_hot") || selection.Has($"{design}_{scale.Spread}") || selection.Has($"{design}_callers");

    /// <summary>
    /// Round by round, so that what disturbs the machine for a while disturbs all: each design, also at half of what it has just done, and each part alone.
    /// </summary>
    private async Task RoundsAsync(
        Bench bench, LimitSuite limits, Dictionary<(string Design, bool Hot), int> sizes, CancellationToken cancellationToken)
    {
        var rounds = new Dictionary<string, List<CaseResult>>();
        for (var round = 1; round <= scale.Rounds; round++)
        {
            await RoundAsync(hot: true, Scale.Callers);
            foreach (var callers in scale.OtherCallers) await RoundAsync(hot: true, callers);
            if (selection.Has("latency")) await HalfLoadAsync();
            if (selection.Has("limits")) await LimitsAsync();
            await RoundAsync(hot: false, Scale.Callers);
            if (selection.Has("ours_mixed")) Keep(await bench.MixedAsync(cancellationToken));
        }

        foreach (var (name, results) in rounds)
        {
            if (results[0].OfferedPerS is null) _cases[name] = CaseResult.Median(results, r => r.AckedPerS);
            else _latency.Add(CaseResult.Median(results, r => r.P99Ms));
        }

        async Task RoundAsync(bool hot, int callers)
        {
            var on = hot ? "hot" : bench.Spread;
            if (selection.Has(Name("ours"))) Keep(await bench.OursAsync(on, hot ? 1 : scale.Spread, callers, cancellationToken) with { Name = Name("ours") });
            foreach (var design in Peers.Where(d => selection.Has(Name(d))))
            {
                var size = sizes[(design, hot)];
                var server = await bench.Stack.StartPeerAsync(design, size, cancellationToken);
                Keep(await bench.PeerAsync(design, server, size, hot, callers, scale.MeasuredS, cancellationToken) with { Name = Name(design) });
            }

            string Name(string design) => callers == Scale.Callers ? $"{design}_{on}" : $"{design}_callers_{callers}";
        }

        async Task HalfLoadAsync()
        {
            foreach (var design in BidsReport.Designs)
            {
                if (HotOfRound(design) is { } closed)
                    Keep(await OpenAsync(bench, sizes, design, Ratio.HalfLoad * closed.AckedPerS, cancellationToken) with { Name = Ratio.AtHalfLoad(design) });
            }
        }

        async Task LimitsAsync()
        {
            Say("limits: the front, the decider, the ledger");
            var echo = await bench.EchoAsync(cancellationToken);
            Keep(echo);
            _limits.Add(await limits.RunAsync(echo, HotOfRound("ours"), cancellationToken));
        }

        CaseResult? HotOfRound(string design) => Ratio.Hot(rounds.ToDictionary(r => r.Key, r => r.Value[^1]), design);

        void Keep(CaseResult result)
        {
            if (!rounds.TryGetValue(result.Name, out var list)) rounds[result.Name] = list = [];
            list.Add(result);
        }
    }

    private async Task ManyAsync(Bench bench, CancellationToken cancellationToken)
    {
        if (!selection.Has("ours_100000")) return;
        Say($"{scale.Many:N0} auctions: making them, and bidding once on each");
        var field = await bench.Maker.OursAsync(scale.Many, cancellationToken);
        var rounds = new List<CaseResult>();
        for (var round = 0; round < scale.Rounds; round++) rounds.Add(await bench.ManyAsync(field, touch: round == 0, cancellationToken));
        _cases["ours_100000"] = CaseResult.Median(rounds, r => r.AckedPerS) with { Name = "ours_100000" };
    }

    /// <summary>
    /// An open loop at other shares of what each design does in a closed one, on the hot auction; and the peers at half of what ours does, which is the load
    /// that they would be bought for.
    /// </summary>
    private async Task LatencyAsync(Bench bench, Dictionary<(string Design, bool Hot), int> sizes, CancellationToken cancellationToken)
    {
        var designs = BidsReport.Designs.Where(d => Ratio.Hot(_cases, d) is not null).ToList();
        foreach (var fraction in scale.Fractions)
        {
            foreach (var design in designs)
                _latency.Add(await OpenAsync(bench, sizes, design, fraction * Ratio.Hot(_cases, design)!.AckedPerS, cancellationToken));
        }

        if (_latency.Find(l => l.Name == Ratio.AtHalfLoad("ours"))?.OfferedPerS is not { } halfPerS) return;
        const string Name = "ours_half_load_beside_aof_rewrite";
        _cases[Name] = await bench.OursOpenAsync(halfPerS, besideRewrite: true, cancellationToken) with { Name = Name };
        foreach (var design in designs.Intersect(Peers))
            _latency.Add(await OpenAsync(bench, sizes, design, halfPerS, cancellationToken) with { Name = Ratio.AtOurHalfLoad(design) });
    }

    private static async Task<CaseResult> OpenAsync(
        Bench bench, Dictionary<(string Design, bool Hot), int> sizes, string design, double ratePerS, CancellationToken cancellationToken)
    {
        if (!Peers.Contains(design)) return await bench.OursOpenAsync(ratePerS, besideRewrite: false, cancellationToken);
        var size = sizes[(design, true)];
        var server = await bench.Stack.StartPeerAsync(design, size, cancellationToken);
        return await bench.PeerOpenAsync(design, server, size, ratePerS, cancellationToken);
    }

    private void Say(string what) => Console.Error.WriteLine($"{timeProvider.GetElapsedTime(_began):mm\\:ss}  {what}");
}
