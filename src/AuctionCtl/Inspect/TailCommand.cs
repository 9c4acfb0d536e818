using System.CommandLine;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Auctions.Ctl.Deployment;
using Auctions.Ledger;

namespace Auctions.Ctl.Inspect;

/// <summary><c>tail</c>: prints an auction's ledger as it grows.</summary>
public static class TailCommand
{
    private static readonly JsonSerializerOptions JsonLine =
        new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static Command Create(TimeProvider timeProvider)
    {
        var id = new Argument<Guid>("ID") { Description = "The auction" };
        var after = new Option<long>("--after")
        {
            Description = "Print only entries above this version",
            DefaultValueFactory = _ => -1,
        };
        var json = new Option<bool>("--json") { Description = "Print one line of JSON for each entry" };
        var command = new Command(
            "tail", "Prints new entries of an auction's ledger until the auction is sealed or you press Ctrl-C.")
            { id, after, json };
        command.SetAction(async (parse, cancellationToken) =>
        {
            await using var postgres = new Target(parse).Postgres();
            var history = new LedgerHistory(LedgerPools.Of(postgres), new LedgerStatements());
            var auctionId = parse.GetRequiredValue(id);
            if (await history.ReadHeadsAsync([auctionId], cancellationToken) is [])
                throw new CommandException($"There is no auction {auctionId}.");
            try
            {
                var tail = new LedgerTail(history, timeProvider);
                await foreach (var row in tail.FollowAsync(auctionId, parse.GetValue(after), cancellationToken))
                {
                    await Console.Out.WriteLineAsync(
                        parse.GetValue(json) ? JsonSerializer.Serialize(row.JsonFields(), JsonLine) : Line(row));
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // Ctrl-C is the normal way to stop.
            }

            return ExitCode.Clean;
        });
        return command;
    }

    private static string Line(LedgerRow row)
    {
        var (state, leader) = (row.State, row.State?.Leader);
        return $"{row.When()}  v{row.Version,-5} {row.What()}  -> {state?.Status}, price {state?.Price}, "
            + $"leader {(string.IsNullOrEmpty(leader) ? "none" : leader)}, {state?.BidCount} bids";
    }
}

/// <summary>
/// Polls an auction's ledger for new entries.
/// <para>Concurrency: none; one query at a time.</para>
/// <para>Lifecycle: runs until the sealing entry, or until cancelled.</para>
/// <para>Invariants: each entry is returned once, in version order. Rejected bids are not entries.</para>
/// <para>Bounds: one query every 200 ms; one page of rows in memory.</para>
/// </summary>
public sealed class LedgerTail(LedgerHistory history, TimeProvider timeProvider)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>The entries above a version, up to and including the sealing entry.</summary>
    public async IAsyncEnumerable<LedgerRow> FollowAsync(
        Guid auctionId, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var version = after; ;)
        {
            await foreach (var row in history.ReadEntriesAsync(auctionId, version, cancellationToken))
            {
                yield return row;
                version = row.Version!.Value;
                if (row.Kind == "sealed") yield break;
            }

            await Task.Delay(Pause, timeProvider, cancellationToken);
        }
    }
}

/// <summary>A row of the ledger for display: as stored, nothing is parsed or checked.</summary>
internal static class LedgerRowText
{
    /// <summary>The row in a few words.</summary>
    public static string What(this LedgerRow row) => row.Kind switch
    {
        "bid" when row.Version is null => $"{Limit(row)}: rejected, {row.Reason} (on version {row.Basis})",
        "bid" => $"{Limit(row)}: {row.Outcome}",
        "sealed" => $"sealed: {row.State?.Status} {row.EndReason}, "
            + (string.IsNullOrEmpty(row.Winner) ? "no winner" : $"won by {row.Winner}"),
        _ => row.Kind,
    };

    /// <summary>The time of the decision, in UTC.</summary>
    public static string When(this LedgerRow row) => DateTimeOffset.UnixEpoch.AddMicroseconds(row.DecidedUs)
        .ToString("yyyy-MM-dd HH:mm:ss.ffffff", CultureInfo.InvariantCulture);

    /// <summary>The fields of the row in JSON, in this order.</summary>
    public static object JsonFields(this LedgerRow row) => new
    {
        row.Id,
        row.Prev,
        row.Version,
        row.Basis,
        row.Kind,
        row.BidKind,
        row.Bidder,
        row.Key,
        row.Amount,
        row.Max,
        row.Outcome,
        row.Reason,
        row.State?.Status,
        row.State?.Price,
        row.State?.Ceiling,
        row.State?.Leader,
        row.State?.EndUs,
        row.State?.BidCount,
        row.Winner,
        row.EndReason,
        row.Origin,
        row.DecidedUs,
        What = row.What(),
        When = row.When(),
    };

    private static string Limit(LedgerRow row) =>
        $"{row.BidKind} of {row.Bidder}, up to {(row.Max is > 0 ? row.Max : row.Amount)}";
}
