using System.Text;
using Auctions.Benchmarks.Cases;
using Auctions.Benchmarks.Limits;

namespace Auctions.Benchmarks.Report;

/// <summary>The figures as Markdown, between two marks of a document. People write the rest of the document.</summary>
internal static class MarkdownReport
{
    private const string Begin = "<!-- figures: written by ./auctions bench bids --doc -->";
    private const string End = "<!-- end of figures -->";

    /// <exception cref="IOException">The file does not exist, or does not have both marks.</exception>
    public static async Task WriteAsync(string file, BidsReport report)
    {
        var text = await File.ReadAllTextAsync(file);
        var (begin, end) = (text.IndexOf(Begin, StringComparison.Ordinal), text.IndexOf(End, StringComparison.Ordinal));
        if (begin < 0 || end < begin)
            throw new IOException($"{file} has no place for figures: '{Begin}' and, after it, '{End}'.");
        await File.WriteAllTextAsync(file, text[..(begin + Begin.Length)] + "\n\n" + Of(report) + "\n" + text[end..]);
    }

    private static string Of(BidsReport report)
    {
        var doc = new StringBuilder();
        Introduction(doc, report);
        Targets(doc, report);
        Cases(doc, report.Cases);
        OpenLoops(doc, report.Latency);
        if (report.Limits is { } limits) Parts(doc, limits);
        PoolSizes(doc, report.Sweep);
        var answers = report.Cases.Values.Sum(c => c.Correctness.Checked);
        Paragraph(doc, report.IsCorrect
            ? $"After each run every answer was looked up in the tables: {answers:N0} answers, none missing, "
                + "none different."
            : "**Some answers were wrong.**");
        return doc.ToString().TrimStart('\n');
    }

    private static void Introduction(StringBuilder doc, BidsReport report)
    {
        var s = report.Setting;
        Paragraph(doc, $"Measured {s.MeasuredAt} on {s.Cores} cores ({s.Processor}), {s.MemoryGib} GiB, "
            + $"in {s.TookSeconds:0} s. {s.Notes}");
        Paragraph(doc, $"Bids: {s.Bids}; {s.Bidders:N0} bidders. Every design has {s.Callers} concurrent unary callers "
            + $"over {s.LoadConnections} h2c connections, and other numbers of callers on the hot auction. The "
            + $"median of {s.Rounds} rounds of {s.MeasuredS:0.#} s counts. The warm-up before each takes "
            + $"{s.WarmUpS:0.#} s or more, until the server's compiler is idle ({s.WarmUpMaxS:0.#} s at most).");
        var share = report.Cases.Values.Select(c => c.OthersCpuShare).DefaultIfEmpty().Max();
        if (share <= CaseResult.DisturbedShare) return;
        Paragraph(doc, $"Meanwhile other processes used up to {share:P0} of the machine: the figures are too low, and "
            + "the ratios are rough.");
    }

    private static void Targets(StringBuilder doc, BidsReport report)
    {
        Table(doc, "Targets", ["ratio", "value:", "target", ""]);
        foreach (var t in report.Targets)
        {
            var reached = t.Reached switch { true => "reached", false => "**missed**", null => "not measured" };
            Row(doc, $"`{t.Name}`", $"{t.Value:0.00}", t.Wanted, reached);
        }

        foreach (var (name, value) in report.Ratios.Where(r => report.Targets.All(t => t.Name != r.Key)))
            Row(doc, $"`{name}`", $"{value:0.00}", "", "");
    }

    private static void Cases(StringBuilder doc, IReadOnlyDictionary<string, CaseResult> cases)
    {
        Table(doc, "Cases",
        [
            "case", "answers/s:", "rounds", "p50 ms:", "p99 ms:", "CPU µs per bid:", "by process", "load µs:",
            "bids per EVALSHA:", "rows per commit:",
        ]);
        foreach (var (name, c) in cases)
        {
            Row(doc, name, $"{c.AckedPerS:N0}", Numbers(c.Rounds), $"{c.P50Ms:0.0}", $"{c.P99Ms:0.0}",
                $"{c.CpuUsPerBid:0}", string.Join(", ", c.CpuSplitUsPerBid.Select(p => $"{p.Key} {p.Value:0}")),
                $"{c.LoadCpuUsPerBid:0}", $"{c.BidsPerEvalsha:0.0}", $"{c.RowsPerCommit:0.0}");
        }
    }

    private static void OpenLoops(StringBuilder doc, IReadOnlyList<CaseResult> latency)
    {
        if (latency.Count == 0) return;
        Table(doc, "Open loop, hot auction",
            ["design", "offered/s:", "answered/s:", "p50 ms:", "p99 ms:", "rounds' p99"],
            "Latency counts from the time at which a bid should have been sent. Of several rounds, the one with the "
            + "median p99 counts.");
        var byDesign = latency.OrderBy(c => Array.IndexOf(BidsReport.Designs, c.Design)).ThenBy(c => c.OfferedPerS);
        foreach (var c in byDesign)
        {
            Row(doc, c.Design, $"{c.OfferedPerS:N0}", $"{c.AckedPerS:N0}", $"{c.P50Ms:0.0}", $"{c.P99Ms:0.0}",
                c.Rounds.Count > 1 ? Numbers(c.Rounds) : "");
        }
    }

    private static void Parts(StringBuilder doc, LimitResults limits)
    {
        Table(doc, "The parts alone",
            ["part", "batch:", "parallel:", "per second:", "server µs:", "client µs:"]);
        foreach (var part in limits.All)
        {
            Row(doc, part.What, $"{part.Batch}", $"{part.Parallel}", $"{part.PerS:N0}", $"{part.ServerUs:0.0}",
                $"{part.ClientUs:0.0}");
        }

        if (limits.Sum is not { } sum) return;
        // No plus signs: at the start of a line, Markdown would read one as a list.
        Paragraph(doc, $"The sum, at the batch sizes that the hot auction reached, in µs per bid: gRPC front "
            + $"{sum.EchoServerUs:0.0}; load {sum.EchoLoadUs:0.0}; decide {sum.DecideServerUs:0.0} in Redis and "
            + $"{sum.DecideClientUs:0.0} in the client; append {sum.AppendServerUs:0.0} in Postgres and "
            + $"{sum.AppendClientUs:0.0} in the client; together {sum.SumUs:0.0}, which allows {sum.AllowedPerS:N0}/s "
            + $"on {sum.Cores} cores.");
    }

    private static void PoolSizes(StringBuilder doc, IReadOnlyList<CaseResult> sweep)
    {
        if (sweep.Count == 0) return;
        Table(doc, "The peers' pool sizes", ["design", "auctions", "connections: answers/s"],
            "Answers per second by number of connections. Each peer is measured with its best one, on the hot auction "
            + "and on many.");
        foreach (var group in sweep.GroupBy(c => (c.Design, c.On)))
        {
            Row(doc, group.Key.Design, group.Key.On,
                string.Join(", ", group.Select(c => $"{c.Connections}: {c.AckedPerS:N0}")));
        }
    }

    /// <summary>A heading, an optional text, and the head of a table.</summary>
    /// <param name="columns">A column whose name ends with a colon is aligned to the right.</param>
    private static void Table(StringBuilder doc, string title, string[] columns, string? text = null)
    {
        doc.Append($"\n### {title}\n");
        if (text is not null) Paragraph(doc, text);
        doc.Append('\n');
        Row(doc, Array.ConvertAll(columns, c => c.TrimEnd(':')));
        Row(doc, Array.ConvertAll(columns, c => c.EndsWith(':') ? "---:" : "---"));
    }

    private static void Row(StringBuilder doc, params string[] cells) =>
        doc.Append("| ").AppendJoin(" | ", cells).Append(" |\n");

    /// <summary>A paragraph of lines of at most 120 characters, after an empty line.</summary>
    private static void Paragraph(StringBuilder doc, string text)
    {
        const int lengthMax = 120;
        var line = "";
        doc.Append('\n');
        foreach (var word in text.Split(' '))
        {
            if (line.Length + 1 + word.Length > lengthMax)
            {
                doc.Append(line).Append('\n');
                line = word;
            }
            else
            {
                line = line.Length == 0 ? word : $"{line} {word}";
            }
        }

        doc.Append(line).Append('\n');
    }

    private static string Numbers(IEnumerable<double> values) => string.Join(", ", values.Select(v => $"{v:N0}"));
}

/// <summary>The report for a terminal.</summary>
internal static class TerminalReport
{
    public static void Write(BidsReport report, TextWriter to)
    {
        to.WriteLine($"\n{"case",-20}{"acked/s",10}{"p50 ms",9}{"p99 ms",9}{"us CPU",8}{"load us",9}"
            + $"{"bids/EVALSHA",14}{"rows/commit",13}");
        foreach (var (name, c) in report.Cases)
        {
            to.WriteLine($"{name,-20}{c.AckedPerS,10:N0}{c.P50Ms,9:0.0}{c.P99Ms,9:0.0}{c.CpuUsPerBid,8:0}"
                + $"{c.LoadCpuUsPerBid,9:0.0}{c.BidsPerEvalsha,14:0.0}{c.RowsPerCommit,13:0.0}");
        }

        if (report.Limits is { } limits) WriteLimits(limits, to);
        to.WriteLine($"\n{"ratio",-48}{"value",9}  target");
        foreach (var target in report.Targets)
        {
            var reached = target.Reached switch { true => "reached", false => "MISSED", null => "not measured" };
            to.WriteLine($"{target.Name,-48}{target.Value,9:0.00}  {target.Wanted,-9}{reached}");
        }

        foreach (var (name, value) in report.Ratios.Where(r => report.Targets.All(t => t.Name != r.Key)))
            to.WriteLine($"{name,-48}{value,9:0.00}");
        to.WriteLine(report.IsCorrect
            ? "\nEvery answer is in its table as it was given, and every sampled history follows the rules."
            : "\nWRONG ANSWERS: see \"correctness\" in the JSON.");
        to.WriteLine($"The run took {report.Setting.TookSeconds:0} s.");
    }

    private static void WriteLimits(LimitResults limits, TextWriter to)
    {
        to.WriteLine($"\n{"limit",-40}{"batch",7}{"parallel",10}{"per s",10}{"server us",11}{"client us",11}");
        foreach (var part in limits.All)
        {
            to.WriteLine($"{part.What,-40}{part.Batch,7}{part.Parallel,10}{part.PerS,10:N0}{part.ServerUs,11:0.0}"
                + $"{part.ClientUs,11:0.0}");
        }

        if (limits.Sum is not { } sum) return;
        to.WriteLine($"CPU per bid: gRPC front {sum.EchoServerUs:0.0} + load {sum.EchoLoadUs:0.0}"
            + $" + decide {sum.DecideServerUs:0.0} + {sum.DecideClientUs:0.0}"
            + $" + append {sum.AppendServerUs:0.0} + {sum.AppendClientUs:0.0} = {sum.SumUs:0.0} us:"
            + $" {sum.AllowedPerS:N0}/s on {sum.Cores} cores");
    }
}
