using Auctions.Benchmarks.Cases;
using Auctions.Benchmarks.Machine;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Benchmarks.Limits;

/// <summary>Each part alone, and their sum.</summary>
internal sealed class LimitSuite(
    Scale scale, BenchStack stack, AuctionMaker maker, IConnectionMultiplexer redis, NpgsqlDataSource postgres, TimeProvider timeProvider)
{
    private const int SmallBatch = 64, LargeBatch = 256, CommitRows = 500, Lanes = 4;

    /// <param name="echo">The front alone.</param>
    /// <param name="hot">The hot auction, whose batches the sum is made at; null: no sum.</param>
    public async Task<LimitResults> RunAsync(CaseResult echo, CaseResult? hot, CancellationToken cancellationToken)
    {
        var decider = new DecideLimit(stack, redis, timeProvider);
        var appender = new AppendLimit(stack, postgres, maker, timeProvider);
        var single = await new SingleCallLimit(stack, decider).RunAsync(scale.BenchmarkCalls, cancellationToken);
        var throughClient = await decider.RunAsync("one bid a call, through the client", 1, 64, settle: false, random: false, scale.DecideS, cancellationToken);
        Measured[] decisions =
        [
            await decider.RunAsync("combined", SmallBatch, 2, settle: false, random: false, scale.DecideS, cancellationToken),
            await decider.RunAsync("combined", LargeBatch, 2, settle: false, random: false, scale.DecideS, cancellationToken),
        ];
        var refused = await decider.RunAsync("combined, redis-benchmark's bids", LargeBatch, 2, settle: false, random: true, scale.DecideS, cancellationToken);
        Measured[] appends =
        [
            await appender.RunAsync("append", CommitRows, 1, scale.AppendRows, cancellationToken),
            await appender.RunAsync("append", CommitRows, Lanes, scale.AppendRows, cancellationToken),
        ];
        return new LimitResults(single, throughClient, decisions, refused, appends, hot is null ? null : await SumAsync());

        async Task<CpuSum> SumAsync()
        {
            var decide = await decider.RunAsync("decide", Size(hot.BidsPerEvalsha, LargeBatch), 2, settle: true, random: false, scale.DecideS, cancellationToken);
            var append = await appender.RunAsync("append", Size(hot.RowsPerCommit, CommitRows), 1, scale.AppendRows, cancellationToken);
            var sum = echo.CpuUsPerBid + echo.LoadCpuUsPerBid + decide.ServerUs + decide.ClientUs + append.ServerUs + append.ClientUs;
            return new CpuSum(echo.CpuUsPerBid, echo.LoadCpuUsPerBid, decide.ServerUs, decide.ClientUs, append.ServerUs, append.ClientUs, sum,
                Environment.ProcessorCount, Environment.ProcessorCount * 1e6 / sum);
        }

        static int Size(double? reached, int max) => (int)Math.Clamp(Math.Round(reached ?? 1), 1, max);
    }
}
