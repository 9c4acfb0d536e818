using Auctions.Benchmarks.Cases;
using Auctions.Benchmarks.Load;
using Auctions.Benchmarks.Machine;
using Auctions.Peers;

namespace Auctions.Benchmarks;

/// <summary>The cases, one call each. Every run of a case has auctions of its own; the largest one's stay.</summary>
internal sealed class Bench(Scale scale, BenchStack stack, AuctionMaker maker, CaseRunner runner, Action<string> say)
{
    private static readonly BidMix Even = new();

    public BenchStack Stack => stack;

    public AuctionMaker Maker => maker;

    /// <summary>The name of the case of many auctions.</summary>
    public string Spread => $"{scale.Spread}";

    public async Task<CaseResult> OursAsync(string on, int auctions, int callers, CancellationToken cancellationToken) =>
        await RunAsync(Ours(on, await maker.OursAsync(auctions, cancellationToken)) with { Callers = callers, TouchFirst = auctions > 1 }, cancellationToken);

    public async Task<CaseResult> MixedAsync(CancellationToken cancellationToken) =>
        await RunAsync(Ours("mixed", await maker.OursAsync(scale.Mixed, cancellationToken)) with
        {
            Mix = new BidMix(HotShare: 0.5, HotAuctions: scale.Mixed / 100),
            TouchFirst = true,
        }, cancellationToken);

    public Task<CaseResult> ManyAsync(Field field, bool touch, CancellationToken cancellationToken) =>
        RunAsync(Ours($"{scale.Many}", field) with { TouchFirst = touch }, cancellationToken);

    public async Task<CaseResult> OursOpenAsync(double ratePerS, bool besideRewrite, CancellationToken cancellationToken) =>
        await RunAsync(Open(Ours("hot", await maker.OursAsync(1, cancellationToken)), ratePerS) with { BesideRewrite = besideRewrite }, cancellationToken);

    public async Task<CaseResult> PeerAsync(
        string design, string server, int connections, bool hot, int callers, double measuredS, CancellationToken cancellationToken)
    {
        var order = await PeerOrderAsync(design, server, connections, hot, cancellationToken) with { MeasuredS = measuredS, Callers = callers };
        var sweep = measuredS < scale.MeasuredS;
        return await RunAsync(sweep ? order with { WarmUpS = Scale.SweepWarmUpS, WarmUpMostS = Scale.SweepWarmUpMostS } : order, cancellationToken);
    }

    public async Task<CaseResult> PeerOpenAsync(string design, string server, int connections, double ratePerS, CancellationToken cancellationToken) =>
        await RunAsync(Open(await PeerOrderAsync(design, server, connections, hot: true, cancellationToken), ratePerS), cancellationToken);

    /// <summary>The front alone: no auction is asked for.</summary>
    public async Task<CaseResult> EchoAsync(CancellationToken cancellationToken)
    {
        var server = await stack.StartPeerAsync(PeerDesigns.Echo, 1, cancellationToken);
        var result = await RunAsync(new CaseOrder(PeerDesigns.Echo, server, "hot", new Field([new Guid(1, 2, 3, [4, 5, 6, 7, 8, 9, 10, 11])]), Even,
            Scale.Callers, scale.WarmUpS, scale.WarmUpMostS, scale.MeasuredS), cancellationToken);
        await stack.StopAsync(server);
        return result with { Name = "echo" };
    }

    private CaseOrder Ours(string on, Field field) =>
        new("ours", BenchStack.Bidding, on, field, Even, Scale.Callers, scale.WarmUpS, scale.WarmUpMostS, scale.MeasuredS);

    private async Task<CaseOrder> PeerOrderAsync(string design, string server, int connections, bool hot, CancellationToken cancellationToken)
    {
        await maker.EmptyPeersAsync(cancellationToken);
        return new CaseOrder(design, server, hot ? "hot" : Spread, await maker.PeersAsync(hot ? 1 : scale.Spread, cancellationToken), Even,
            Scale.Callers, scale.WarmUpS, scale.WarmUpMostS, scale.MeasuredS, connections);
    }

    private CaseOrder Open(CaseOrder order, double ratePerS) =>
        order with { RatePerS = ratePerS, Callers = Scale.OpenCallers, WarmUpS = 1, MeasuredS = scale.OpenS };

    private async Task<CaseResult> RunAsync(CaseOrder order, CancellationToken cancellationToken)
    {
        var result = await runner.RunAsync(order, cancellationToken);
        var pool = order.Connections is { } size ? $", {size} connections" : "";
        var offered = result.OfferedPerS is { } rate ? $" of {rate:N0} offered" : "";
        say($"{result.Name,-18} {result.AckedPerS,9:N0}/s{offered}  p50 {result.P50Ms:0.0} ms  p99 {result.P99Ms:0.0} ms  {result.CpuUsPerBid:0} us CPU"
            + (result.BidsPerEvalsha is { } bids ? $"  {bids:0.0} bids an EVALSHA, {result.RowsPerCommit:0.0} rows a commit" : pool)
            + (result.OthersCpuShare > CaseResult.DisturbedShare ? $"  DISTURBED: others took {result.OthersCpuShare:P0} of the machine" : "")
            + (result.Errors.Count > 0 ? $"  errors {string.Join(' ', result.Errors.Select(e => $"{e.Key}:{e.Value}"))}" : "")
            + (result.Correctness.IsClean ? "" : $"  WRONG: {result.Correctness.Missing} answers missing, {result.Correctness.Different} different, {result.Correctness.Contradictions} contradicted; {result.Correctness.ChainFaults.FirstOrDefault()}"));
        return result;
    }
}
