using System.CommandLine;
using Auctions.Ctl.Commands;
using Auctions.Ctl.Deployment;
using Auctions.Ctl.Replay;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Ctl;

/// <summary>The command line: what there is, and what a failure becomes. Exit codes: <see cref="ExitCode"/>.</summary>
public static class Cli
{
    public static async Task<int> RunAsync(string[] args, TimeProvider timeProvider)
    {
        var root = new RootCommand("The operator's tool: tokens, verification of live data, inspection, and the replay of real bids.")
        {
            TokenCommand.Create(timeProvider),
            VerifyCommand.Create(timeProvider),
            InspectCommand.Create(),
            TailCommand.Create(timeProvider),
            ReplayCommand.Create(timeProvider),
            SampleCommand.Create(),
        };
        foreach (var option in Target.Options) root.Options.Add(option);
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            await parsed.InvokeAsync();
            return ExitCode.NotChecked;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (Exception e) when (e is UnusableException or CsvException)
        {
            await Console.Error.WriteLineAsync(e.Message);
        }
        catch (Exception e) when (e is NpgsqlException or RedisException or TimeoutException)
        {
            await Console.Error.WriteLineAsync($"Could not be checked: {e.Message}");
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("Stopped.");
        }

        return ExitCode.NotChecked;
    }
}
