using System.CommandLine;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Auctions.Ctl.Deployment;
using Npgsql;

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
            var auctionId = parse.GetRequiredValue(id);
            await RequireAuctionAsync(postgres, auctionId, cancellationToken);
            try
            {
                var tail = new LedgerTail(postgres, timeProvider);
                await foreach (var row in tail.FollowAsync(auctionId, parse.GetValue(after), cancellationToken))
                {
                    await Console.Out.WriteLineAsync(
                        parse.GetValue(json) ? JsonSerializer.Serialize(row, JsonLine) : Line(row));
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
        var leader = string.IsNullOrEmpty(row.Leader) ? "none" : row.Leader;
        return $"{row.When}  v{row.Version,-5} {row.What}  -> {row.Status}, price {row.Price}, leader {leader}, "
            + $"{row.BidCount} bids";
    }

    private static async Task RequireAuctionAsync(
        NpgsqlDataSource postgres, Guid auctionId, CancellationToken cancellationToken)
    {
        await using var command = postgres.CreateCommand("select exists (select from auctions where id = $1)");
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = auctionId });
        if (await command.ExecuteScalarAsync(cancellationToken) is not true)
            throw new CommandException($"There is no auction {auctionId}.");
    }
}

/// <summary>
/// Polls an auction's ledger for new entries.
/// <para>Concurrency: none; one query at a time.</para>
/// <para>Lifecycle: runs until the sealing entry, or until cancelled.</para>
/// <para>Invariants: each entry is returned once, in version order. Rejected bids are not entries.</para>
/// <para>Bounds: one query every 200 ms; rows are streamed.</para>
/// </summary>
public sealed class LedgerTail(NpgsqlDataSource postgres, TimeProvider timeProvider)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>The entries above a version, up to and including the sealing entry.</summary>
    public async IAsyncEnumerable<LedgerRow> FollowAsync(
        Guid auctionId, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var version = after; ;)
        {
            await foreach (var row in ReadAsync(auctionId, version, cancellationToken))
            {
                yield return row;
                version = row.Version!.Value;
                if (row.Kind == "sealed") yield break;
            }

            await Task.Delay(Pause, timeProvider, cancellationToken);
        }
    }

    private async IAsyncEnumerable<LedgerRow> ReadAsync(
        Guid auctionId, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var command = postgres.CreateCommand(
            $"select {LedgerRow.Columns} from ledger where auction_id = $1 and version > $2 order by version");
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = auctionId });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = after });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken)) yield return LedgerRow.Read(reader);
    }
}

/// <summary>A row of the ledger as stored, for display: nothing is parsed or checked.</summary>
/// <param name="Version">Null in a rejected bid, which has a <paramref name="Basis"/> instead.</param>
/// <param name="Basis">The version on which a rejected bid was decided.</param>
public sealed record LedgerRow(
    Guid Id, Guid? Prev, long? Version, long? Basis, string Kind, string? BidKind, string? Bidder, Guid? Key,
    long? Amount, long? Max, string? Outcome, string? Reason, string? Status, long? Price, long? Ceiling,
    string? Leader, long? EndUs, long? BidCount, string? Winner, string? EndReason, string? Origin, long DecidedUs)
{
    /// <summary>The columns, in the order in which <see cref="Read"/> takes them.</summary>
    public const string Columns =
        "id, prev, version, basis, kind, bid_kind, bidder, key, amount, max, outcome, reason, status, price, ceiling, "
        + "leader, end_us, bid_count, winner, end_reason, origin, decided_us";

    public static LedgerRow Read(NpgsqlDataReader row)
    {
        return new LedgerRow(
            row.GetGuid(0), Value<Guid>(1), Value<long>(2), Value<long>(3), row.GetString(4), Text(5), Text(6),
            Value<Guid>(7), Value<long>(8), Value<long>(9), Text(10), Text(11), Text(12), Value<long>(13),
            Value<long>(14), Text(15), Value<long>(16), Value<long>(17), Text(18), Text(19), Text(20),
            row.GetInt64(21));

        T? Value<T>(int i) where T : struct => row.IsDBNull(i) ? null : row.GetFieldValue<T>(i);
        string? Text(int i) => row.IsDBNull(i) ? null : row.GetString(i);
    }

    /// <summary>The entry in a few words.</summary>
    public string What => Kind switch
    {
        "bid" when Version is null => $"{BidKind} of {Bidder}, up to {Limit}: rejected, {Reason} (on version {Basis})",
        "bid" => $"{BidKind} of {Bidder}, up to {Limit}: {Outcome}",
        "sealed" when string.IsNullOrEmpty(Winner) => $"sealed: {Status} {EndReason}, no winner",
        "sealed" => $"sealed: {Status} {EndReason}, won by {Winner}",
        _ => Kind,
    };

    /// <summary>The time of the decision, in UTC.</summary>
    public string When => DateTimeOffset.UnixEpoch.AddMicroseconds(DecidedUs)
        .ToString("yyyy-MM-dd HH:mm:ss.ffffff", CultureInfo.InvariantCulture);

    private long? Limit => Max is > 0 ? Max : Amount;
}
