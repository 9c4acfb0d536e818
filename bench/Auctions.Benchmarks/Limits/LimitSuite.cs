using System.Text.Json.Serialization;
using Auctions.Benchmarks.Cases;
using Auctions.Benchmarks.Machine;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Benchmarks.Limits;

/// <param name="PerS">Bids, or rows, per second.</param>
/// <param name="Batch">Bids per call, or rows per commit.</param>
/// <param name="Parallel">Clients, calls in flight, or connections.</param>
/// <param name="ServerUs">The server's CPU per bid or row, microseconds.</param>
/// <param name="ClientUs">This process's CPU per bid or row, microseconds.</param>
internal sealed record PartResult(
    string What, int Batch, int Parallel, double PerS, double ServerUs, double ClientUs);

/// <summary>
/// The CPU cost of a bid as the sum of the parts' costs. Each part is measured alone, at the batch size that the hot
/// auction reached.
/// </summary>
/// <param name="AllowedPerS">The bids per second that all cores could do at this cost.</param>
internal sealed record CpuSum(
    double EchoServerUs, double EchoLoadUs, double DecideServerUs, double DecideClientUs, double AppendServerUs,
    double AppendClientUs, double SumUs, int Cores, double AllowedPerS);

/// <summary>What each part does alone.</summary>
/// <param name="SingleEvalsha">
/// redis-benchmark with 64 clients, one bid per call, all on one key. The amounts are random, so nearly all bids are
/// rejected, which is cheaper.
/// </param>
/// <param name="Decisions">Combined calls through the service's own client, with realistic shares of bids.</param>
/// <param name="DecisionsRejected">The same with redis-benchmark's bids.</param>
internal sealed record LimitResults(
    PartResult SingleEvalsha, PartResult SingleThroughClient, IReadOnlyList<PartResult> Decisions,
    [property: JsonPropertyName("decisions_refused")] PartResult DecisionsRejected, IReadOnlyList<PartResult> Appends,
    CpuSum? Sum)
{
    [JsonIgnore]
    public IEnumerable<PartResult> All =>
        [SingleEvalsha, SingleThroughClient, .. Decisions, DecisionsRejected, .. Appends];

    /// <summary>The median round of each part, and of the sum; null if there was no round.</summary>
    public static LimitResults? Median(IReadOnlyList<LimitResults> rounds)
    {
        if (rounds.Count == 0) return null;
        var sum = rounds[0].Sum is null ? null : rounds.Select(r => r.Sum!).ToList().MedianBy(s => s.SumUs);
        return new LimitResults(Of(r => r.SingleEvalsha), Of(r => r.SingleThroughClient), Each(r => r.Decisions),
            Of(r => r.DecisionsRejected), Each(r => r.Appends), sum);

        PartResult Of(Func<LimitResults, PartResult> part) => rounds.Select(part).ToList().MedianBy(m => m.PerS);

        PartResult[] Each(Func<LimitResults, IReadOnlyList<PartResult>> parts) =>
            [.. parts(rounds[0]).Select((_, i) => Of(r => parts(r)[i]))];
    }
}

/// <summary>Measures each part alone, and adds up their costs.</summary>
internal sealed class LimitSuite(
    Scale scale, BenchStack stack, AuctionSeeder seeder, IConnectionMultiplexer redis, NpgsqlDataSource postgres,
    TimeProvider timeProvider)
{
    private const int SmallBatch = 64, LargeBatch = 256, CommitRows = 500, Lanes = 4;

    private readonly DecideLimit _decider = new(stack, redis, timeProvider);
    private readonly AppendLimit _appender = new(stack, postgres, seeder, timeProvider);

    /// <param name="echo">The gRPC front alone.</param>
    /// <param name="hot">The hot auction, whose batch sizes the sum uses; null: no sum.</param>
    public async Task<LimitResults> RunAsync(CaseResult echo, CaseResult? hot, CancellationToken cancellationToken)
    {
        var single = await new SingleCallLimit(stack, _decider).RunAsync(scale.BenchmarkCalls, cancellationToken);
        return new LimitResults(single,
            await DecideAsync("one bid per call, through the client", batch: 1, inFlight: 64),
            [await DecideAsync("combined", SmallBatch), await DecideAsync("combined", LargeBatch)],
            await DecideAsync("combined, redis-benchmark's bids", LargeBatch, random: true),
            [await AppendAsync(CommitRows, connections: 1), await AppendAsync(CommitRows, Lanes)],
            hot is null ? null : await SumAsync(hot));

        async Task<CpuSum> SumAsync(CaseResult batches)
        {
            var decide = await DecideAsync("decide", Size(batches.BidsPerEvalsha, LargeBatch), removePending: true);
            var append = await AppendAsync(Size(batches.RowsPerCommit, CommitRows), connections: 1);
            var sum = echo.CpuUsPerBid + echo.LoadCpuUsPerBid + decide.ServerUs + decide.ClientUs
                + append.ServerUs + append.ClientUs;
            var cores = Environment.ProcessorCount;
            return new CpuSum(echo.CpuUsPerBid, echo.LoadCpuUsPerBid, decide.ServerUs, decide.ClientUs,
                append.ServerUs, append.ClientUs, sum, cores, cores * 1e6 / sum);
        }

        Task<PartResult> DecideAsync(
            string what, int batch, int inFlight = 2, bool removePending = false, bool random = false) =>
            _decider.RunAsync(what, batch, inFlight, removePending, random, scale.DecideS, cancellationToken);

        Task<PartResult> AppendAsync(int batch, int connections) =>
            _appender.RunAsync(batch, connections, scale.AppendRows, cancellationToken);

        static int Size(double? reached, int max) => (int)Math.Clamp(Math.Round(reached ?? 1), 1, max);
    }
}
