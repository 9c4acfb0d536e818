using System.CommandLine;
using System.Data;
using Auctions.Ctl.Deployment;
using Auctions.Ctl.Output;
using Auctions.Ctl.Verify;
using Npgsql;
using Spectre.Console;
using StackExchange.Redis;

namespace Auctions.Ctl.Inspect;

/// <summary><c>inspect</c>: shows an auction in Postgres and in Redis side by side.</summary>
public static class InspectCommand
{
    public static Command Create()
    {
        var id = new Argument<Guid>("ID") { Description = "The auction" };
        var last = new Option<int>("--last")
        {
            Description = "How many of the newest answers to show",
            DefaultValueFactory = _ => 10,
        };
        var json = new Option<bool>("--json") { Description = "Print JSON" };
        var command = new Command(
            "inspect",
            "Compares an auction's head in Postgres and Redis, and shows its row, pending entries and newest answers.")
            { id, last, json };
        command.SetAction(async (parse, cancellationToken) =>
        {
            var target = new Target(parse);
            await using var postgres = target.Postgres();
            await using var redis = await ConnectionMultiplexer.ConnectAsync(target.Redis());
            var auctionId = parse.GetRequiredValue(id);
            var inspection = await Inspection.ReadAsync(
                postgres, redis.GetDatabase(), auctionId, parse.GetValue(last), cancellationToken)
                ?? throw new CommandException($"There is no auction {auctionId}.");
            if (parse.GetValue(json)) await Console.Out.WriteLineAsync(Json.Of(inspection));
            else Write(inspection);
            return ExitCode.Clean;
        });
        return command;
    }

    private static void Write(Inspection inspection)
    {
        var row = Table($"Auction {inspection.AuctionId}", "column", "value");
        foreach (var (column, value) in inspection.Row) row.AddRow(column, Markup.Escape(value ?? "null"));
        Screen.Write(row);

        var head = Table(inspection.InRedis ? "Head" : "Head (not in Redis)", "field", "ledger", "Redis", "");
        foreach (var field in inspection.Head)
        {
            head.AddRow(
                field.Field, Markup.Escape(field.Ledger), Markup.Escape(field.Redis ?? ""),
                field.Differs ? "[red]differs[/]" : "");
        }

        Screen.Write(head);

        if (inspection.Pending.Count > 0)
        {
            var pending = Table("Pending in Redis", "version", "line", "");
            foreach (var entry in inspection.Pending)
            {
                pending.AddRow(
                    $"{entry.Version}", Markup.Escape(entry.Line),
                    entry.InLedger ? "in the ledger" : "[yellow]not in the ledger[/]");
            }

            Screen.Write(pending);
        }

        var last = Table("Newest answers", "version", "decided", "what", "price", "leader", "origin");
        foreach (var entry in inspection.Last)
        {
            last.AddRow(
                $"{entry.Version}", entry.When, Markup.Escape(entry.What), $"{entry.Price}",
                Markup.Escape(entry.Leader ?? ""), entry.Origin ?? "");
        }

        Screen.Write(last);
    }

    private static Table Table(string title, params string[] columns) =>
        new Table().Border(TableBorder.Rounded).Title(title).AddColumns(columns);
}

/// <summary>A field of an auction's head, in both stores.</summary>
/// <param name="Redis">Null if Redis does not hold it.</param>
public sealed record HeadField(string Field, string Ledger, string? Redis, bool Differs);

/// <summary>An entry that Redis keeps as pending: decided, and perhaps not in the ledger yet.</summary>
public sealed record PendingEntry(long Version, string Line, bool InLedger);

/// <summary>The data of one auction in both stores.</summary>
/// <param name="Row">Every column of the row, as text.</param>
/// <param name="Last">The newest answers in the ledger, including rejections, newest first.</param>
public sealed record Inspection(
    Guid AuctionId, IReadOnlyDictionary<string, string?> Row, IReadOnlyList<HeadField> Head, bool InRedis,
    IReadOnlyList<PendingEntry> Pending, IReadOnlyList<LedgerRow> Last)
{
    /// <returns>Null if the ledger does not have the auction.</returns>
    public static async Task<Inspection?> ReadAsync(
        NpgsqlDataSource postgres, IDatabase redis, Guid id, int last, CancellationToken cancellationToken)
    {
        var hot = await RedisAuction.ReadAsync(redis, id);
        await using var connection = await postgres.OpenConnectionAsync(cancellationToken);
        await using var snapshot =
            await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
        var heads = await QueryAsync(
            connection, $"select {LedgerHead.Columns} from auctions where id = $1", [Parameter(id)], LedgerHead.Read,
            cancellationToken);
        if (heads is not [var head]) return null;

        var entries = await QueryAsync(
            connection,
            $"""
            select {LedgerRow.Columns} from ledger where auction_id = $1
            order by coalesce(version, basis) desc, version nulls first, decided_us desc limit $2
            """,
            [Parameter(id), Parameter(last)], LedgerRow.Read, cancellationToken);
        var row = await QueryAsync(
            connection,
            "select f.key, f.value from auctions a, json_each_text(row_to_json(a)) f where a.id = $1", [Parameter(id)],
            reader => KeyValuePair.Create(reader.GetString(0), reader.IsDBNull(1) ? null : reader.GetString(1)),
            cancellationToken);
        var fields = head.AsHash().Select(ledger =>
        {
            var inRedis = hot.Hash.GetValueOrDefault(ledger.Field);
            return new HeadField(ledger.Field, ledger.Value, inRedis, hot.Hash.Count > 0 && inRedis != ledger.Value);
        });
        var pending = hot.Pending.Select(entry =>
            new PendingEntry(entry.Version, entry.Line, InLedger: entry.Version <= head.Version));
        return new Inspection(
            id, new Dictionary<string, string?>(row, StringComparer.Ordinal), [.. fields], hot.Hash.Count > 0,
            [.. pending], entries);
    }

    private static async Task<List<T>> QueryAsync<T>(
        NpgsqlConnection connection, string sql, NpgsqlParameter[] parameters, Func<NpgsqlDataReader, T> read,
        CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken)) rows.Add(read(reader));
        return rows;
    }

    private static NpgsqlParameter Parameter<T>(T value) => new NpgsqlParameter<T> { TypedValue = value };
}
