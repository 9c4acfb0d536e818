using Auctions.Benchmarks.Cases;
using Auctions.Benchmarks.Load;
using Auctions.Benchmarks.Machine;
using Auctions.Peers;

namespace Auctions.Benchmarks;

/// <summary>How long, how often and how many.</summary>
/// <param name="Rounds">
/// All designs take turns. The median round counts: by answers per second, in an open loop by p99.
/// </param>
/// <param name="WarmUpS">The minimum.</param>
/// <param name="WarmUpMaxS">
/// The warm-up ends when the server's compiler is idle, after this time at the latest; in the sweep after
/// <see cref="SweepWarmUpMaxS"/>.
/// </param>
/// <param name="PoolSizes">The numbers of Postgres connections that each peer is tried with.</param>
/// <param name="Many">Auctions of the largest case.</param>
/// <param name="Mixed">Auctions of the mixed case: half of the bids go to a hundredth of them.</param>
/// <param name="Fractions">
/// The shares of a design's own closed-loop rate that the open loop offers, besides the half in each round.
/// </param>
internal sealed record Scale(
    int Rounds, double WarmUpS, double WarmUpMaxS, double MeasuredS, int[] PoolSizes, double SweepS, int Spread,
    int Many, int Mixed, double[] Fractions, double OpenLoopS, int[] OtherCallers, int BenchmarkCalls, double DecideS,
    int AppendRows)
{
    /// <summary>
    /// Concurrent unary callers of the closed loop. The hot auction is also measured with <see cref="OtherCallers"/>:
    /// with 512 our design leaves a quarter of the cores idle, and some peers do less with 1,024 than with fewer.
    /// </summary>
    public const int Callers = 512;

    /// <summary>
    /// The most calls in flight in an open loop: far more than any rate below saturation needs, and no more than the
    /// servers' 500 streams a connection.
    /// </summary>
    public const int OpenLoopCallers = 400 * CaseRunner.LoadConnections;

    public const int Bidders = 2_000;

    public const double SweepWarmUpS = 1, SweepWarmUpMaxS = 4;

    public static Scale Full { get; } = new(
        Rounds: 3, WarmUpS: 1.5, WarmUpMaxS: 15, MeasuredS: 4, PoolSizes: [8, 16, 32, 64], SweepS: 1.5, Spread: 1_000,
        Many: 100_000, Mixed: 10_000, Fractions: [0.25, 0.75, 0.9], OpenLoopS: 6, OtherCallers: [256, 1_024],
        BenchmarkCalls: 100_000, DecideS: 2, AppendRows: 60_000);

    public static Scale Quick { get; } = new(
        Rounds: 1, WarmUpS: 1, WarmUpMaxS: 5, MeasuredS: 2.5, PoolSizes: [32], SweepS: 0.7, Spread: 1_000,
        Many: 10_000, Mixed: 1_000, Fractions: [0.9], OpenLoopS: 2.5, OtherCallers: [],
        BenchmarkCalls: 40_000, DecideS: 1, AppendRows: 20_000);
}

/// <summary>
/// The cases of the benchmark, one method each. Every run of a case gets new auctions; only the largest case reuses its
/// auctions.
/// </summary>
internal sealed class CaseSuite(
    Scale scale, BenchStack stack, AuctionSeeder seeder, CaseRunner runner, Action<string> progress)
{
    private static readonly BidMix Even = new();

    public BenchStack Stack => stack;

    public AuctionSeeder Seeder => seeder;

    /// <summary>The name of the case with bids spread over many auctions.</summary>
    public string Spread => $"{scale.Spread}";

    public async Task<CaseResult> OursAsync(
        string on, int auctions, int callers, CancellationToken cancellationToken)
    {
        var order = Ours(on, await seeder.SeedOursAsync(auctions, cancellationToken));
        return await RunAsync(order with { Callers = callers, TouchFirst = auctions > 1 }, cancellationToken);
    }

    public async Task<CaseResult> MixedAsync(CancellationToken cancellationToken)
    {
        var order = Ours("mixed", await seeder.SeedOursAsync(scale.Mixed, cancellationToken)) with
        {
            Mix = new BidMix(HotShare: 0.5, HotAuctions: scale.Mixed / 100),
            TouchFirst = true,
        };
        return await RunAsync(order, cancellationToken);
    }

    public Task<CaseResult> ManyAsync(AuctionSet auctions, bool touch, CancellationToken cancellationToken) =>
        RunAsync(Ours($"{scale.Many}", auctions) with { TouchFirst = touch }, cancellationToken);

    /// <param name="duringAofRewrite">Whether Redis rewrites its AOF in the measured part.</param>
    public async Task<CaseResult> OursOpenLoopAsync(
        double ratePerS, bool duringAofRewrite, CancellationToken cancellationToken)
    {
        var order = OpenLoop(Ours("hot", await seeder.SeedOursAsync(1, cancellationToken)), ratePerS);
        return await RunAsync(order with { DuringAofRewrite = duringAofRewrite }, cancellationToken);
    }

    public async Task<CaseResult> PeerAsync(
        string design, string server, int connections, bool hot, int callers, double measuredS,
        CancellationToken cancellationToken)
    {
        var order = await PeerOrderAsync(design, server, connections, hot, cancellationToken) with
        {
            MeasuredS = measuredS,
            Callers = callers,
        };
        var isSweep = measuredS < scale.MeasuredS;
        if (isSweep) order = order with { WarmUpS = Scale.SweepWarmUpS, WarmUpMaxS = Scale.SweepWarmUpMaxS };
        return await RunAsync(order, cancellationToken);
    }

    public async Task<CaseResult> PeerOpenLoopAsync(
        string design, string server, int connections, double ratePerS, CancellationToken cancellationToken)
    {
        var order = await PeerOrderAsync(design, server, connections, hot: true, cancellationToken);
        return await RunAsync(OpenLoop(order, ratePerS), cancellationToken);
    }

    /// <summary>The gRPC front alone. It never looks at the auction.</summary>
    public async Task<CaseResult> EchoAsync(CancellationToken cancellationToken)
    {
        var server = await stack.StartPeerAsync(PeerDesigns.Echo, 1, cancellationToken);
        var auctions = new AuctionSet([new Guid(1, 2, 3, [4, 5, 6, 7, 8, 9, 10, 11])]);
        var result = await RunAsync(Order(PeerDesigns.Echo, server, "hot", auctions), cancellationToken);
        await stack.StopAsync(server);
        return result with { Name = "echo" };
    }

    private CaseOrder Ours(string on, AuctionSet auctions) => Order("ours", BenchStack.Bidding, on, auctions);

    private async Task<CaseOrder> PeerOrderAsync(
        string design, string server, int connections, bool hot, CancellationToken cancellationToken)
    {
        await seeder.EmptyPeersAsync(cancellationToken);
        var auctions = await seeder.SeedPeersAsync(hot ? 1 : scale.Spread, cancellationToken);
        return Order(design, server, hot ? "hot" : Spread, auctions) with { Connections = connections };
    }

    private CaseOrder Order(string design, string server, string on, AuctionSet auctions) => new(
        design, server, on, auctions, Even, Scale.Callers, scale.WarmUpS, scale.WarmUpMaxS, scale.MeasuredS);

    private CaseOrder OpenLoop(CaseOrder order, double ratePerS) =>
        order with { RatePerS = ratePerS, Callers = Scale.OpenLoopCallers, WarmUpS = 1, MeasuredS = scale.OpenLoopS };

    private async Task<CaseResult> RunAsync(CaseOrder order, CancellationToken cancellationToken)
    {
        var result = await runner.RunAsync(order, cancellationToken);
        progress(Line(order, result));
        return result;
    }

    private static string Line(CaseOrder order, CaseResult result)
    {
        var line = $"{result.Name,-18} {result.AckedPerS,9:N0}/s";
        if (result.OfferedPerS is { } rate) line += $" of {rate:N0} offered";
        line += $"  p50 {result.P50Ms:0.0} ms  p99 {result.P99Ms:0.0} ms  {result.CpuUsPerBid:0} us CPU";
        if (result.BidsPerEvalsha is { } bids)
            line += $"  {bids:0.0} bids per EVALSHA, {result.RowsPerCommit:0.0} rows per commit";
        else if (order.Connections is { } size) line += $", {size} connections";
        if (result.OthersCpuShare > CaseResult.DisturbedShare)
            line += $"  DISTURBED: other processes used {result.OthersCpuShare:P0} of the machine";
        if (result.Errors.Count > 0)
            line += $"  errors {string.Join(' ', result.Errors.Select(e => $"{e.Key}:{e.Value}"))}";
        if (result.Correctness is { IsClean: false } wrong)
        {
            line += $"  WRONG: {wrong.Missing} answers missing, {wrong.Different} different, "
                + $"{wrong.Contradictions} contradicted; {wrong.ChainFaults.FirstOrDefault()}";
        }

        return line;
    }
}
