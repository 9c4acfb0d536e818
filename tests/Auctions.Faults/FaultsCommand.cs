using System.CommandLine;
using Auctions.Ctl;
using Auctions.Ctl.Output;
using Auctions.Faults.Report;
using DevStack.Supervision;
using OwnRun = DevStack.Supervision.RunDirectory;

namespace Auctions.Faults;

/// <summary>The command line. Exit codes: <see cref="ExitCode"/>.</summary>
internal static class FaultsCommand
{
    private const string Text = """
        Breaks a stack of its own while bidders bid and viewers watch, and checks that every promise is kept.

        The stack has two instances of BiddingService and a replica of Redis, lies in the directory "faults" of the run directory, begins
        with no data, and leaves a stack that is up alone. By the seed, in random order and overlapping: kill -9 and restart of redis,
        postgres, either bidding, auction, updater, gateway and relay; SIGSTOP of redis; FLUSHALL; an AOF that lost its last seconds; a
        stale replica promoted, with or without a split; links between bidding and Redis or Postgres cut or held. Kafka is never killed: the
        mock cluster is memory alone. What somebody else kills meanwhile is started again and counts as "outside".

        Afterwards an independent checker holds the clients' log against the ledger, Redis, Kafka's topics and the viewers' frames: the
        promises I1 to I9, and linearizability of every auction.

        Exit code 0: every promise kept; 1: one is broken; 2: it could not be run.
        """;

    public static RootCommand Create(TimeProvider timeProvider)
    {
        var seconds = new Option<double>("--seconds") { Description = "How long bidders bid and parts are broken", DefaultValueFactory = _ => 60 };
        var seed = new Option<int>("--seed") { Description = "What is broken, and in which order", DefaultValueFactory = _ => 1 };
        var json = new Option<string?>("--json") { Description = "Writes the report as JSON to this file, or, without a name, to standard output", Arity = ArgumentArity.ZeroOrOne };
        var runDir = new Option<string>("--run-dir") { Description = "The run directory", DefaultValueFactory = _ => Ctl.Deployment.RunDirectory.Default() };
        var bidders = new Option<int>("--bidders") { Description = "How many bid at once", DefaultValueFactory = _ => 48 };
        seconds.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (>= 5 and <= 3_600)) result.AddError("--seconds must be 5 to 3600.");
        });
        bidders.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 1_000) result.AddError("--bidders must be 1 to 1000.");
        });
        var command = new RootCommand(Text) { seconds, seed, json, runDir, bidders };
        command.SetAction(async (parse, cancellationToken) =>
        {
            try
            {
                var own = new OwnRun(Path.Combine(parse.GetValue(runDir)!, "faults"));
                using var only = own.Lock();
                var run = new FaultRun(own, parse.GetValue(seed), TimeSpan.FromSeconds(parse.GetValue(seconds)), parse.GetValue(bidders), timeProvider);
                var report = await run.RunAsync(cancellationToken);
                var asJson = parse.GetResult(json) is not null;
                if (asJson && parse.GetValue(json) is { } path) await File.WriteAllTextAsync(path, Json.Of(report) + "\n", cancellationToken);
                else if (asJson) await Console.Out.WriteLineAsync(Json.Of(report));
                if (!asJson || parse.GetValue(json) is not null) ReportTable.Write(report);
                if (report.IsClean) return ExitCode.Clean;
                await Console.Error.WriteLineAsync($"A promise is broken. Logs of all parts, and of the run: {own.Root}");
                return ExitCode.Broken;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                await Console.Error.WriteLineAsync("Stopped.");
            }
            catch (Exception e) when (e is StackException or IOException or UnauthorizedAccessException)
            {
                await Console.Error.WriteLineAsync(e.Message);
            }

            return ExitCode.NotChecked;
        });
        return command;
    }
}
