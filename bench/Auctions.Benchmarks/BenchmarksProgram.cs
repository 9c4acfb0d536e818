using System.CommandLine;
using Auctions.Benchmarks.Report;
using DevStack.Supervision;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Benchmarks;

/// <summary>
/// <c>bench bids</c>. Exit codes: 0 measured; 1 a design gave wrong answers, or, with --strict, a target was missed; 2
/// could not measure.
/// </summary>
internal static class BenchmarksProgram
{
    private const int Measured = 0, Failed = 1, NotMeasured = 2;

    /// <summary>An interrupted run may take this long to stop its servers.</summary>
    private static readonly TimeSpan StopWithin = TimeSpan.FromMinutes(1);

    public static Task<int> Main(string[] args) => CreateCommand(TimeProvider.System).Parse(args)
        .InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = StopWithin });

    private static RootCommand CreateCommand(TimeProvider timeProvider)
    {
        var json = new Option<string?>("--json") { Description = "Write the report as JSON to this file" };
        var only = new Option<string?>("--only")
        {
            Description = "Run only these cases, separated by commas. Groups and names: cold_start, ours, ours_hot, "
                + "ours_1000, ours_mixed, ours_100000, ours_callers, for_update_callers, for_update, plpgsql, "
                + "redis_lock, limits, "
                + "latency",
        };
        var quick = new Option<bool>("--quick")
        {
            Description = "Shorter and smaller: under 3 minutes instead of 22; the largest case has 10,000 auctions",
        };
        var strict = new Option<bool>("--strict") { Description = "Exit code 1 if a target was missed" };
        var plot = new Option<string?>("--plot")
        {
            Description = "Write throughput and p99 against offered load as SVG to this file",
        };
        var doc = new Option<string?>("--doc")
        {
            Description = "Write the figures into this Markdown file, between its two marks",
        };
        var runDirectory = new Option<string>("--run-dir")
        {
            Description = "The directory of the benchmark's own servers",
            DefaultValueFactory = _ => Path.Combine(Checkout.Root(), ".run", "bench"),
        };

        var bids = new Command("bids",
            "Measures the bid path: this system, the peer designs and the limits, on this machine, in one run. "
            + "Starts everything it needs.")
        {
            json, only, quick, strict, plot, doc, runDirectory,
        };
        bids.SetAction((parse, cancellationToken) => ExitCodeOfAsync(async () =>
        {
            var scale = parse.GetValue(quick) ? Scale.Quick : Scale.Full;
            var benchmark = new BidsBenchmark(scale, new Selection(parse.GetValue(only)), timeProvider);
            var report = await benchmark.RunAsync(parse.GetValue(runDirectory)!, cancellationToken);
            if (parse.GetValue(json) is { } file)
                await File.WriteAllTextAsync(file, ReportJson.Of(report), CancellationToken.None);
            if (parse.GetValue(plot) is { } svg)
                await File.WriteAllTextAsync(svg, Plot.Of(report), CancellationToken.None);
            if (parse.GetValue(doc) is { } markdown) await MarkdownReport.WriteAsync(markdown, report);
            TerminalReport.Write(report, Console.Out);
            var missedTarget = report.Targets.Any(t => t.Reached == false);
            return report.IsCorrect && !(parse.GetValue(strict) && missedTarget) ? Measured : Failed;
        }));
        return new RootCommand("Measures this system and other designs that do the same.") { bids };
    }

    private static async Task<int> ExitCodeOfAsync(Func<Task<int>> action)
    {
        try
        {
            return await action();
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("Stopped.");
        }
        catch (Exception e) when (e is StackException or NpgsqlException or RedisException
            or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"Could not measure: {e.Message}");
        }
        catch (Exception e)
        {
            await Console.Error.WriteLineAsync($"Could not measure because of a bug in the benchmark: {e}");
        }

        return NotMeasured;
    }
}

/// <summary>The cases that --only names; all of them if it names none.</summary>
internal sealed class Selection(string? only)
{
    private readonly string[] _names =
        only?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    /// <summary>Whether this case, or a group that its name starts with, is selected.</summary>
    public bool Has(string name) =>
        _names.Length == 0 || _names.Any(n => name == n || name.StartsWith(n + "_", StringComparison.Ordinal));
}
