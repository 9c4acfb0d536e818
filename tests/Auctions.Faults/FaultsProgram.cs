using System.CommandLine;
using Auctions.Ctl;
using Auctions.Ctl.Output;
using Auctions.Faults.Report;
using Auctions.Faults.Stack;
using DevStack.Supervision;
using OwnRun = DevStack.Supervision.RunDirectory;

namespace Auctions.Faults;

/// <summary><c>./auctions faults</c>. Its exit codes are those of <see cref="ExitCode"/>.</summary>
internal static class FaultsProgram
{
    private const string Text = """
        Breaks a stack of its own while bidders bid and viewers watch, and checks that every promise is kept.

        The stack has two instances of BiddingService and several servers of Redis. It is in the directory "faults" of
        the run directory and starts without data. A stack that is up is not touched. The seed decides what is broken
        and when, in random order and overlapping: kill -9 and restart of redis, postgres, either bidding, auction,
        updater, gateway and relay; SIGSTOP of redis; FLUSHALL; an AOF that lost its last seconds; promotion of a stale
        replica, with or without a split; connections of a bidding to Redis or Postgres cut or held; rows of auctions
        locked for 20 s; a service whose clock is an hour ahead, and a Redis whose clock is minutes ahead or behind.
        Kafka is never killed, because the mock cluster keeps everything in memory. A part that somebody else kills is
        started again and counts as "outside".

        With --redis sentinel or cluster, Redis exchanges the roles of its servers by itself, and services find the
        primaries by themselves. Then primaries are killed, stopped, flushed, and restarted with a wrong clock.

        Afterwards an independent checker compares the clients' log with the ledger, Redis, Kafka's topics and the
        viewers' frames: the promises I1 to I9 and I11, and linearizability of every auction.

        Exit code 0: every promise was kept; 1: a promise is broken; 2: the run was not possible.
        """;

    public static async Task<int> Main(string[] args)
    {
        var parsed = CreateCommand(TimeProvider.System).Parse(args);
        if (parsed.Errors.Count > 0)
        {
            await parsed.InvokeAsync(); // prints the errors
            return ExitCode.NotChecked;
        }

        // Ctrl-C and TERM end the run. The stack is stopped before the process ends.
        var configuration = new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(60) };
        return await parsed.InvokeAsync(configuration);
    }

    private static RootCommand CreateCommand(TimeProvider timeProvider)
    {
        var seconds = new Option<double>("--seconds")
        {
            Description = "How long bidders bid and parts are broken",
            DefaultValueFactory = _ => 60,
        };
        var seed = new Option<int>("--seed")
        {
            Description = "Decides what is broken, and in which order",
            DefaultValueFactory = _ => 1,
        };
        var json = new Option<string?>("--json")
        {
            Description = "Write the report as JSON to this file, or without a name to standard output",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var runDirectory = new Option<string>("--run-dir")
        {
            Description = "The run directory",
            DefaultValueFactory = _ => Ctl.Deployment.RunDirectory.Default(),
        };
        var bidders = new Option<int>("--bidders")
        {
            Description = "How many bidders bid at once",
            DefaultValueFactory = _ => 48,
        };
        var redis = new Option<RedisSetup>("--redis")
        {
            Description = "How Redis is run: pair, sentinel or cluster",
            DefaultValueFactory = _ => RedisSetup.Pair,
        };
        seconds.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (>= 5 and <= 3_600))
                result.AddError("--seconds must be 5 to 3600.");
        });
        bidders.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 1_000) result.AddError("--bidders must be 1 to 1000.");
        });
        var command = new RootCommand(Text) { seconds, seed, json, runDirectory, bidders, redis };
        command.SetAction((parse, cancellationToken) => ExitCodeOfAsync(async () =>
        {
            var own = new OwnRun(Path.Combine(parse.GetValue(runDirectory)!, "faults"));
            using var only = own.Lock();
            var length = TimeSpan.FromSeconds(parse.GetValue(seconds));
            var run = new FaultRun(
                own, parse.GetValue(redis), parse.GetValue(seed), length, parse.GetValue(bidders), timeProvider);
            var report = await run.RunAsync(cancellationToken);
            var asJson = parse.GetResult(json) is not null;
            var file = parse.GetValue(json);
            if (asJson && file is not null)
                await File.WriteAllTextAsync(file, Json.Of(report) + "\n", cancellationToken);
            else if (asJson)
                await Console.Out.WriteLineAsync(Json.Of(report));
            if (!asJson || file is not null) ReportTable.Write(report);
            if (report.IsClean) return ExitCode.Clean;
            await Console.Error.WriteLineAsync($"A promise is broken. Logs of all parts, and of the run: {own.Root}");
            return ExitCode.Broken;
        }, cancellationToken));
        return command;
    }

    private static async Task<int> ExitCodeOfAsync(Func<Task<int>> run, CancellationToken cancellationToken)
    {
        try
        {
            return await run();
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
    }
}
