using System.Text.Json.Serialization;
using Auctions.Benchmarks.Cases;

namespace Auctions.Benchmarks.Limits;

/// <summary>What each part does alone.</summary>
/// <param name="SingleEvalsha">redis-benchmark, 64 clients, one bid a call, all on one key; the amounts are random, so that nearly all
/// are refused: the cheaper kind.</param>
/// <param name="Decisions">Combined, through the service's own client: bids in realistic shares.</param>
/// <param name="DecisionsRefused">The same with redis-benchmark's bids.</param>
internal sealed record LimitResults(
    Measured SingleEvalsha, Measured SingleThroughClient, IReadOnlyList<Measured> Decisions, Measured DecisionsRefused, IReadOnlyList<Measured> Appends,
    CpuSum? Sum)
{
    [JsonIgnore]
    public IEnumerable<Measured> All => [SingleEvalsha, SingleThroughClient, .. Decisions, DecisionsRefused, .. Appends];

    /// <summary>Of each part, and of the sum, the round in the middle; null where none was measured.</summary>
    public static LimitResults? Median(IReadOnlyList<LimitResults> rounds)
    {
        return rounds.Count == 0 ? null : new LimitResults(Middle(r => r.SingleEvalsha), Middle(r => r.SingleThroughClient), Each(r => r.Decisions),
            Middle(r => r.DecisionsRefused), Each(r => r.Appends), rounds[0].Sum is null ? null : rounds.Select(r => r.Sum!).ToList().Middle(s => s.SumUs));

        Measured Middle(Func<LimitResults, Measured> part) => rounds.Select(part).ToList().Middle(m => m.PerS);

        Measured[] Each(Func<LimitResults, IReadOnlyList<Measured>> parts) => [.. parts(rounds[0]).Select((_, i) => Middle(r => parts(r)[i]))];
    }
}

/// <param name="PerS">Bids, or rows, a second.</param>
/// <param name="Batch">Bids a call, or rows a commit.</param>
/// <param name="Parallel">Clients, calls in flight, or connections.</param>
/// <param name="ServerUs">CPU of the server for each, microseconds.</param>
/// <param name="ClientUs">CPU of this process for each.</param>
internal sealed record Measured(string What, int Batch, int Parallel, double PerS, double ServerUs, double ClientUs);

/// <summary>What a bid costs when each part's cost, measured alone at the batch that the hot auction reached, is added up.</summary>
/// <param name="AllowedPerS">Cores times a second, by the sum.</param>
internal sealed record CpuSum(
    double EchoServerUs, double EchoLoadUs, double DecideServerUs, double DecideClientUs, double AppendServerUs, double AppendClientUs,
    double SumUs, int Cores, double AllowedPerS);
