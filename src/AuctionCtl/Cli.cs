using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Auctions.Ctl.Deployment;
using Auctions.Ctl.Inspect;
using Auctions.Ctl.Replay;
using Auctions.Ctl.Verify;
using Auctions.Ledger;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Ctl;

/// <summary>The command line: its commands, and the exit code of each failure (see <see cref="ExitCode"/>).</summary>
public static class Cli
{
    public static async Task<int> RunAsync(string[] args, TimeProvider timeProvider)
    {
        var root = new RootCommand("The operator's tool: tokens, checks of live data, and the replay of recorded bids.")
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
        catch (CommandException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
        }
        catch (Exception e)
            when (e is NpgsqlException or LedgerUnavailableException or RedisException or TimeoutException)
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

/// <summary>The exit codes that scripts rely on.</summary>
public static class ExitCode
{
    /// <summary>Everything is as it should be.</summary>
    public const int Clean = 0;

    /// <summary>At least one invariant is broken.</summary>
    public const int Broken = 1;

    /// <summary>The check did not complete, or the command line was wrong.</summary>
    public const int NotChecked = 2;
}

/// <summary>A broken invariant.</summary>
/// <param name="Invariant">Its number, such as <c>I1</c>: see docs/invariants.md.</param>
/// <param name="AuctionId">The auction's UUID; in a replay, the auction's id in the file.</param>
/// <param name="Version">The version in the auction's ledger; null if no single version is wrong.</param>
/// <param name="Detail">The actual value and the expected one.</param>
public sealed record Violation(string Invariant, string AuctionId, long? Version, string Detail);

/// <summary>
/// A command cannot run as requested, or not now. The message gives the reason and the remedy. Exit code:
/// <see cref="ExitCode.NotChecked"/>.
/// </summary>
public sealed class CommandException(string message) : Exception(message);

/// <summary>Durations in options: <c>250ms</c>, <c>30s</c>, <c>5m</c>, <c>1h</c>, <c>2d</c>.</summary>
public static class Durations
{
    private static readonly (string Unit, double Seconds)[] Units =
        [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];

    /// <returns>Null if the text is not a duration above zero and up to a year.</returns>
    public static TimeSpan? Parse(string text)
    {
        foreach (var (unit, seconds) in Units)
        {
            if (!text.EndsWith(unit, StringComparison.Ordinal)) continue;
            var (number, culture) = (text[..^unit.Length], CultureInfo.InvariantCulture);
            if (!double.TryParse(number, NumberStyles.AllowDecimalPoint, culture, out var count)) continue;
            return count * seconds is > 0 and <= 366 * 86_400.0 ? TimeSpan.FromSeconds(count * seconds) : null;
        }

        return null;
    }

    /// <summary>The CustomParser of an option.</summary>
    public static TimeSpan? Parse(ArgumentResult argument)
    {
        var text = argument.Tokens is [var token] ? token.Value : "";
        if (Parse(text) is { } duration) return duration;
        argument.AddError($"'{text}' is not a duration such as 250ms, 30s, 5m, 1h or 2d.");
        return null;
    }
}
