using System.Globalization;
using System.Text;
using Auctions.Benchmarks.Cases;
using Auctions.Benchmarks.Limits;

namespace Auctions.Benchmarks.Report;

/// <summary>The figures as Markdown, between two marks of a document whose text people write.</summary>
internal static class ReportDoc
{
    private const string Begin = "<!-- figures: written by ./auctions bench bids --doc -->", End = "<!-- end of figures -->";

    /// <exception cref="IOException">The file is not there, or has not both marks.</exception>
    public static async Task WriteAsync(string file, BidsReport report)
    {
        var text = await File.ReadAllTextAsync(file);
        var (begin, end) = (text.IndexOf(Begin, StringComparison.Ordinal), text.IndexOf(End, StringComparison.Ordinal));
        if (begin < 0 || end < begin) throw new IOException($"{file} has no place for figures: '{Begin}' and, after it, '{End}'.");
        await File.WriteAllTextAsync(file, text[..(begin + Begin.Length)] + "\n\n" + Of(report) + "\n" + text[end..]);
    }

    private static string Of(BidsReport report)
    {
        var doc = new StringBuilder();
        var s = report.Setting;
        Line($"Measured {s.MeasuredAt} on {s.Cores} cores ({s.Processor}), {s.MemoryGib} GiB, in {s.TookSeconds:0} s. {s.Notes}");
        Line($"");
        Line($"Bids: {s.Bids}; {s.Bidders:N0} bidders. {s.Callers} concurrent unary callers over {s.LoadConnections} h2c connections for every design, and other numbers on the hot auction; {s.Rounds} rounds of {s.MeasuredS:0.#} s after a warm-up of {s.WarmUpS:0.#} s or more, until the server compiles nothing any more ({s.WarmUpMostS:0.#} s at most), the median round counts.");
        Disturbances();
        Line($"\n### Targets\n\n| ratio | value | target | |\n| --- | ---: | --- | --- |");
        foreach (var t in report.Targets) Line($"| `{t.Name}` | {t.Value:0.00} | {t.Wanted} | {t.Reached switch { true => "reached", false => "**missed**", null => "not measured" }} |");
        foreach (var (name, value) in report.Ratios.Where(r => report.Targets.All(t => t.Name != r.Key))) Line($"| `{name}` | {value:0.00} | | |");
        Cases();
        if (report.Limits is { } limits) LimitTables(limits);
        Sweep();
        Line($"\n{(report.IsCorrect ? $"After each run every answer was looked for in the tables: {report.Cases.Values.Sum(c => c.Correctness.Checked):N0} answers, none missing, none different." : "**Some answers were wrong.**")}");
        return doc.ToString();

        void Disturbances()
        {
            var share = report.Cases.Values.Select(c => c.OthersCpuShare).DefaultIfEmpty().Max();
            if (share > CaseResult.DisturbedShare) Line($"\nOther processes took up to {share:P0} of the machine meanwhile: the figures are too low, and the ratios rough.");
        }

        void Cases()
        {
            Line($"\n### Cases\n\n| case | answers/s | rounds | p50 ms | p99 ms | CPU µs a bid | of which | load µs | bids an EVALSHA | rows a commit |\n| --- | ---: | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |");
            foreach (var (name, c) in report.Cases) Line($"| {name} | {c.AckedPerS:N0} | {string.Join(", ", c.Rounds.Select(r => Number(r)))} | {c.P50Ms:0.0} | {c.P99Ms:0.0} | {c.CpuUsPerBid:0} | {Split(c)} | {c.LoadCpuUsPerBid:0} | {c.BidsPerEvalsha:0.0} | {c.RowsPerCommit:0.0} |");
            if (report.Latency.Count == 0) return;
            Line($"\n### Open loop, hot auction\n\nLatency counts from the moment at which a bid was meant to be sent; where there are rounds, the one with the median p99 counts.\n\n| design | offered/s | answered/s | p50 ms | p99 ms | rounds' p99 |\n| --- | ---: | ---: | ---: | ---: | --- |");
            foreach (var c in report.Latency.OrderBy(c => Array.IndexOf(BidsReport.Designs, c.Design)).ThenBy(c => c.OfferedPerS))
                Line($"| {c.Design} | {c.OfferedPerS:N0} | {c.AckedPerS:N0} | {c.P50Ms:0.0} | {c.P99Ms:0.0} | {(c.Rounds.Count > 1 ? string.Join(", ", c.Rounds.Select(r => Number(r))) : "")} |");
        }

        void LimitTables(LimitResults limits)
        {
            Line($"\n### The parts alone\n\n| part | batch | parallel | per second | server µs | client µs |\n| --- | ---: | ---: | ---: | ---: | ---: |");
            foreach (var m in limits.All) Line($"| {m.What} | {m.Batch} | {m.Parallel} | {m.PerS:N0} | {m.ServerUs:0.0} | {m.ClientUs:0.0} |");
            if (limits.Sum is not { } sum) return;
            Line($"\nThe sum, at the batches that the hot auction reached: front {sum.EchoServerUs:0.0} + load {sum.EchoLoadUs:0.0} + decide {sum.DecideServerUs:0.0} (Redis) + {sum.DecideClientUs:0.0} (client) + append {sum.AppendServerUs:0.0} (Postgres) + {sum.AppendClientUs:0.0} (client) = {sum.SumUs:0.0} µs a bid, which is {sum.AllowedPerS:N0}/s on {sum.Cores} cores.");
        }

        void Sweep()
        {
            if (report.Sweep.Count == 0) return;
            Line($"\n### The peers' pool sizes\n\nAnswers a second by connections; each is measured with its best, on the hot auction and on many.\n\n| design | auctions | connections: answers/s |\n| --- | --- | --- |");
            foreach (var group in report.Sweep.GroupBy(c => (c.Design, c.On)))
                Line($"| {group.Key.Design} | {group.Key.On} | {string.Join(", ", group.Select(c => $"{c.Connections}: {Number(c.AckedPerS)}"))} |");
        }

        void Line(FormattableString text) => doc.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');
        string Split(CaseResult c) => string.Join(", ", c.CpuSplitUsPerBid.Select(p => $"{p.Key} {p.Value.ToString("0", CultureInfo.InvariantCulture)}"));
        string Number(double value) => value.ToString("N0", CultureInfo.InvariantCulture);
    }
}
