namespace Auctions.Benchmarks.Report;

/// <summary>The report for a terminal.</summary>
internal static class ReportTable
{
    public static void Write(BidsReport report, TextWriter to)
    {
        to.WriteLine($"\n{"case",-20}{"acked/s",10}{"p50 ms",9}{"p99 ms",9}{"us CPU",8}{"load us",9}{"bids/EVALSHA",14}{"rows/commit",13}");
        foreach (var (name, c) in report.Cases)
        {
            to.WriteLine($"{name,-20}{c.AckedPerS,10:N0}{c.P50Ms,9:0.0}{c.P99Ms,9:0.0}{c.CpuUsPerBid,8:0}{c.LoadCpuUsPerBid,9:0.0}"
                + $"{c.BidsPerEvalsha,14:0.0}{c.RowsPerCommit,13:0.0}");
        }

        if (report.Limits is { } limits)
        {
            to.WriteLine($"\n{"limit",-40}{"batch",7}{"parallel",10}{"per s",10}{"server us",11}{"client us",11}");
            foreach (var m in limits.All)
                to.WriteLine($"{m.What,-40}{m.Batch,7}{m.Parallel,10}{m.PerS,10:N0}{m.ServerUs,11:0.0}{m.ClientUs,11:0.0}");
            if (limits.Sum is { } sum)
            {
                to.WriteLine($"CPU a bid: front {sum.EchoServerUs:0.0} + load {sum.EchoLoadUs:0.0} + decide {sum.DecideServerUs:0.0} + {sum.DecideClientUs:0.0}"
                    + $" + append {sum.AppendServerUs:0.0} + {sum.AppendClientUs:0.0} = {sum.SumUs:0.0} us: {sum.AllowedPerS:N0}/s on {sum.Cores} cores");
            }
        }

        to.WriteLine($"\n{"ratio",-34}{"value",9}  target");
        foreach (var target in report.Targets)
            to.WriteLine($"{target.Name,-34}{target.Value,9:0.00}  {target.Wanted,-9}{(target.Reached switch { true => "reached", false => "MISSED", null => "not measured" })}");
        foreach (var (name, value) in report.Ratios.Where(r => report.Targets.All(t => t.Name != r.Key)))
            to.WriteLine($"{name,-34}{value,9:0.00}");
        to.WriteLine(report.IsCorrect ? "\nEvery answer is in its table as it was given, and every sampled history follows the rules." : "\nWRONG ANSWERS: see correctness in the JSON.");
        to.WriteLine($"{report.Setting.TookSeconds:0} s in all.");
    }
}
