using Auctions.Benchmarks.Cases;
using Auctions.Benchmarks.Limits;
using Auctions.Benchmarks.Load;
using Auctions.Benchmarks.Machine;
using Auctions.Benchmarks.Report;
using Auctions.HotState;
using Auctions.Ledger;
using Auctions.Peers;

namespace Auctions.Benchmarks;

/// <summary>The whole run, in the order in which it happens.</summary>
internal sealed class BidsBenchmark(Scale scale, Selection selection, TimeProvider timeProvider)
{
    private static readonly string[] Peers = [.. BidsReport.Designs.Where(d => d != "ours")];

    private readonly Dictionary<string, CaseResult> _cases = [];
    private readonly Dictionary<(string Design, bool Hot), int> _poolSizes = [];
    private readonly List<CaseResult> _sweep = [], _latency = [];
    private readonly List<LimitResults> _limits = [];
    private readonly long _began = timeProvider.GetTimestamp();
    private ColdStartResult? _coldStart;

    /// <exception cref="DevStack.Supervision.StackException">The servers do not start.</exception>
    public async Task<BidsReport> RunAsync(string runDirectory, CancellationToken cancellationToken)
    {
        Progress("starting");
        await using var stack = await BenchStack.StartAsync(runDirectory, timeProvider, cancellationToken);
        await using var postgres = LedgerDataSource.Create(stack.PostgresConnection);
        await using var redis = await RedisConnection.ConnectAsync(stack.RedisConfiguration + ",allowAdmin=true");
        await PrepareAsync(postgres, cancellationToken);
        var seeder = new AuctionSeeder(postgres, timeProvider);
        var load = new LoadRun(new BidderTokens(stack.JwtKey, Scale.Bidders, timeProvider), timeProvider);
        var runner = new CaseRunner(stack, load, new ServerCounters(postgres, redis), new RedisAof(redis, timeProvider),
            new AnswerCheck(postgres), new ChainCheck(postgres), timeProvider);
        var suite = new CaseSuite(scale, stack, seeder, runner, Progress);
        var limits = new LimitSuite(scale, stack, seeder, redis, postgres, timeProvider);

        if (selection.Has("cold_start"))
        {
            Progress("cold start: the first bids after restarts");
            _coldStart = await new ColdStart(stack, seeder, timeProvider).RunAsync(cancellationToken);
        }

        await SweepAsync(suite, cancellationToken);
        await RoundsAsync(suite, limits, cancellationToken);
        await ManyAsync(suite, cancellationToken);
        if (selection.Has("latency")) await LatencyAsync(suite, cancellationToken);
        return BidsReport.Of(scale, _cases, _sweep, _latency, LimitResults.Median(_limits), _coldStart,
            timeProvider.GetElapsedTime(_began), timeProvider.GetUtcNow());
    }

    private static async Task PrepareAsync(Npgsql.NpgsqlDataSource postgres, CancellationToken cancellationToken)
    {
        await LedgerDataSource.CheckDurabilityAsync(postgres, cancellationToken);
        await using var command = postgres.CreateCommand(PeerSchema.Sql);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>
    /// Tries each peer with each pool size, on the hot auction and on many. Each is then measured with its best size.
    /// </summary>
    private async Task SweepAsync(CaseSuite suite, CancellationToken cancellationToken)
    {
        foreach (var design in Peers.Where(IsSelected))
        {
            var rates = new List<CaseResult>();
            foreach (var size in scale.PoolSizes)
            {
                var server = await suite.Stack.StartPeerAsync(design, size, cancellationToken);
                foreach (var hot in (bool[])[true, false])
                {
                    rates.Add(await suite.PeerAsync(
                        design, server, size, hot, Scale.Callers, scale.SweepS, cancellationToken));
                }

                await suite.Stack.StopAsync(server);
            }

            foreach (var hot in (bool[])[true, false])
            {
                var best = rates.Where(r => r.On == (hot ? "hot" : suite.Spread)).MaxBy(r => r.AckedPerS)!;
                _poolSizes[(design, hot)] = best.Connections!.Value;
            }

            _sweep.AddRange(rates);
        }
    }

    private bool IsSelected(string design) => selection.Has($"{design}_hot")
        || selection.Has($"{design}_{scale.Spread}") || selection.Has($"{design}_callers");

    /// <summary>
    /// Each round measures every design, each design at half of the rate that it has just reached, and each part alone.
    /// So whatever disturbs the machine for a while disturbs all of them.
    /// </summary>
    private async Task RoundsAsync(CaseSuite suite, LimitSuite limits, CancellationToken cancellationToken)
    {
        var rounds = new Dictionary<string, List<CaseResult>>();
        for (var round = 1; round <= scale.Rounds; round++)
        {
            await RoundAsync(hot: true, Scale.Callers);
            foreach (var callers in scale.OtherCallers) await RoundAsync(hot: true, callers);
            if (selection.Has("latency")) await HalfLoadAsync();
            if (selection.Has("limits")) await LimitsAsync();
            await RoundAsync(hot: false, Scale.Callers);
            if (selection.Has("ours_mixed")) Keep(await suite.MixedAsync(cancellationToken));
        }

        foreach (var (name, results) in rounds)
        {
            if (results[0].OfferedPerS is null) _cases[name] = CaseResult.Median(results, r => r.AckedPerS);
            else _latency.Add(CaseResult.Median(results, r => r.P99Ms));
        }

        async Task RoundAsync(bool hot, int callers)
        {
            var on = hot ? "hot" : suite.Spread;
            if (selection.Has(Name("ours")))
            {
                var auctions = hot ? 1 : scale.Spread;
                var ours = await suite.OursAsync(on, auctions, callers, cancellationToken);
                Keep(ours with { Name = Name("ours") });
            }

            foreach (var design in Peers.Where(d => selection.Has(Name(d))))
            {
                var size = _poolSizes[(design, hot)];
                var server = await suite.Stack.StartPeerAsync(design, size, cancellationToken);
                var peer = await suite.PeerAsync(
                    design, server, size, hot, callers, scale.MeasuredS, cancellationToken);
                Keep(peer with { Name = Name(design) });
            }

            string Name(string design) =>
                callers == Scale.Callers ? $"{design}_{on}" : $"{design}_callers_{callers}";
        }

        async Task HalfLoadAsync()
        {
            foreach (var design in BidsReport.Designs)
            {
                if (HotOfRound(design) is not { } closed) continue;
                var half = await OpenLoopAsync(suite, design, Ratios.HalfLoad * closed.AckedPerS, cancellationToken);
                Keep(half with { Name = Ratios.AtHalfLoad(design) });
            }
        }

        async Task LimitsAsync()
        {
            Progress("limits: the gRPC front, Redis, the ledger");
            var echo = await suite.EchoAsync(cancellationToken);
            Keep(echo);
            _limits.Add(await limits.RunAsync(echo, HotOfRound("ours"), cancellationToken));
        }

        CaseResult? HotOfRound(string design) => Ratios.Hot(rounds.ToDictionary(r => r.Key, r => r.Value[^1]), design);

        void Keep(CaseResult result)
        {
            if (!rounds.TryGetValue(result.Name, out var list)) rounds[result.Name] = list = [];
            list.Add(result);
        }
    }

    private async Task ManyAsync(CaseSuite suite, CancellationToken cancellationToken)
    {
        if (!selection.Has("ours_100000")) return;
        Progress($"creating {scale.Many:N0} auctions, and bidding once on each");
        var auctions = await suite.Seeder.SeedOursAsync(scale.Many, cancellationToken);
        var rounds = new List<CaseResult>();
        for (var round = 0; round < scale.Rounds; round++)
            rounds.Add(await suite.ManyAsync(auctions, touch: round == 0, cancellationToken));
        _cases["ours_100000"] = CaseResult.Median(rounds, r => r.AckedPerS) with { Name = "ours_100000" };
    }

    /// <summary>
    /// The open loop on the hot auction at other shares of each design's closed-loop rate; and the peers at half of our
    /// rate, which is the load that they would have to carry instead of our design.
    /// </summary>
    private async Task LatencyAsync(CaseSuite suite, CancellationToken cancellationToken)
    {
        var designs = BidsReport.Designs.Where(d => Ratios.Hot(_cases, d) is not null).ToList();
        foreach (var fraction in scale.Fractions)
        {
            foreach (var design in designs)
            {
                var ratePerS = fraction * Ratios.Hot(_cases, design)!.AckedPerS;
                _latency.Add(await OpenLoopAsync(suite, design, ratePerS, cancellationToken));
            }
        }

        if (_latency.Find(l => l.Name == Ratios.AtHalfLoad("ours"))?.OfferedPerS is not { } halfPerS) return;
        const string Name = "ours_half_load_beside_aof_rewrite";
        var rewrite = await suite.OursOpenLoopAsync(halfPerS, duringAofRewrite: true, cancellationToken);
        _cases[Name] = rewrite with { Name = Name };
        foreach (var design in designs.Intersect(Peers))
        {
            var peer = await OpenLoopAsync(suite, design, halfPerS, cancellationToken);
            _latency.Add(peer with { Name = Ratios.AtOurHalfLoad(design) });
        }
    }

    private async Task<CaseResult> OpenLoopAsync(
        CaseSuite suite, string design, double ratePerS, CancellationToken cancellationToken)
    {
        if (!Peers.Contains(design))
            return await suite.OursOpenLoopAsync(ratePerS, duringAofRewrite: false, cancellationToken);
        var size = _poolSizes[(design, true)];
        var server = await suite.Stack.StartPeerAsync(design, size, cancellationToken);
        return await suite.PeerOpenLoopAsync(design, server, size, ratePerS, cancellationToken);
    }

    private void Progress(string what) =>
        Console.Error.WriteLine($"{timeProvider.GetElapsedTime(_began):mm\\:ss}  {what}");
}
