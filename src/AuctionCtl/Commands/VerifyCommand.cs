using System.CommandLine;
using Auctions.Ctl.Deployment;
using Auctions.Ctl.Output;
using Auctions.Ctl.Verify;
using StackExchange.Redis;

namespace Auctions.Ctl.Commands;

/// <summary><c>verify</c>: checks the promises on live data.</summary>
public static class VerifyCommand
{
    public static Command Create(TimeProvider timeProvider)
    {
        var json = new Option<bool>("--json") { Description = "Prints JSON" };
        var rest = new Option<TimeSpan?>("--rest")
        {
            Description = "How long Redis may stand still and differ from the ledger before that counts as broken",
            CustomParser = Durations.Parse,
            DefaultValueFactory = _ => TimeSpan.FromSeconds(5),
        };
        var command = new Command("verify", "Checks promises I1, I4, I5, I6 and I9 on live data, replaying every ledger through the rules. Exit code 1 where one is broken.")
            { json, rest };
        command.SetAction(async (parse, cancellationToken) =>
        {
            var target = new Target(parse);
            await using var postgres = target.Postgres();
            await using var redis = await ConnectionMultiplexer.ConnectAsync(target.Redis());
            var verification = new Verification(postgres, redis.GetDatabase(), parse.GetValue(rest)!.Value, timeProvider);
            VerifyReport report;
            await using (new ProgressLine(verification.Progress, timeProvider)) report = await verification.RunAsync(cancellationToken);

            if (parse.GetValue(json)) await Console.Out.WriteLineAsync(Json.Of(report));
            else Write(report);
            return report.Violations.Count == 0 ? ExitCode.Clean : ExitCode.Broken;
        });
        return command;
    }

    private static void Write(VerifyReport report)
    {
        Console.Out.WriteLine($"{report.Auctions} auctions, {report.Entries} entries and {report.Refusals} refusals: "
            + (report.Violations.Count == 0 ? "all promises kept." : $"{report.Violations.Count} violations."));
        ViolationTable.Write(report.Violations);
    }
}
