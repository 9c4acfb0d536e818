using System.CommandLine;
using Auctions.Benchmarks.Report;
using DevStack.Supervision;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Benchmarks;

/// <summary><c>bench bids</c>. Exit codes: 0 measured; 1 a design's answers were not true, or, with --strict, a target was missed; 2 could not measure.</summary>
internal static class BenchCommand
{
    private const int Measured = 0, Failed = 1, NotMeasured = 2;

    public static RootCommand Create(TimeProvider timeProvider)
    {
        var json = new Option<string?>("--json") { Description = "Writes the report as JSON to this file" };
        var only = new Option<string?>("--only")
        {
            Description = "Only these cases, separated by commas: a group or a name of "
                + "ours, ours_hot, ours_1000, ours_mixed, ours_100000, ours_callers, for_update_callers, for_update, plpgsql, redis_lock, limits, latency",
        };
        var quick = new Option<bool>("--quick") { Description = "Shorter and smaller: under 3 minutes instead of 22; the largest case has 10,000 auctions" };
        var strict = new Option<bool>("--strict") { Description = "Exit code 1 where a target was missed" };
        var plot = new Option<string?>("--plot") { Description = "Writes throughput and p99 against offered load as SVG to this file" };
        var doc = new Option<string?>("--doc") { Description = "Writes the figures, between its two marks, into this Markdown file" };
        var run = new Option<string>("--run-dir") { Description = "Where the benchmark's own servers live", DefaultValueFactory = _ => Path.Combine(Checkout.Root(), ".run", "bench") };

        var bids = new Command("bids", "The bid path: ours, the peer designs, and the limits, on this machine, in one run. Needs nothing running.")
            { json, only, quick, strict, plot, doc, run };
        bids.SetAction((parse, cancellationToken) => ShowFaultsAsync(async () =>
        {
            var benchmark = new BidsBenchmark(parse.GetValue(quick) ? Scale.Quick : Scale.Full, new Selection(parse.GetValue(only)), timeProvider);
            var report = await benchmark.RunAsync(parse.GetValue(run)!, cancellationToken);
            if (parse.GetValue(json) is { } file) await File.WriteAllTextAsync(file, ReportJson.Of(report), CancellationToken.None);
            if (parse.GetValue(plot) is { } svg) await File.WriteAllTextAsync(svg, Plot.Of(report), CancellationToken.None);
            if (parse.GetValue(doc) is { } markdown) await ReportDoc.WriteAsync(markdown, report);
            ReportTable.Write(report, Console.Out);
            return report.IsCorrect && (!parse.GetValue(strict) || report.Targets.All(t => t.Reached != false)) ? Measured : Failed;
        }));
        return new RootCommand("Measures this system, beside others that do the same.") { bids };
    }

    private static async Task<int> ShowFaultsAsync(Func<Task<int>> action)
    {
        try
        {
            return await action();
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("Stopped.");
        }
        catch (Exception e) when (e is StackException or NpgsqlException or RedisException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"Could not measure: {e.Message}");
        }
        catch (Exception e)
        {
            await Console.Error.WriteLineAsync($"Could not measure, by a defect of the benchmark: {e}");
        }

        return NotMeasured;
    }
}

/// <summary>What of the benchmark is asked for; everything where nothing is named.</summary>
internal sealed class Selection(string? only)
{
    private readonly string[] _names = only?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    public bool IsAll => _names.Length == 0;

    public bool Has(string name) => IsAll || _names.Any(n => name == n || name.StartsWith(n + "_", StringComparison.Ordinal));
}
