using System.CommandLine;
using System.Text.Json.Serialization;
using Auctions.Ctl.Deployment;
using Auctions.Ctl.Output;
using Auctions.Ctl.Verify;
using Auctions.HotState;
using Auctions.Ledger;
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
                new LedgerHistory(LedgerPools.Of(postgres), new LedgerStatements()), redis.GetDatabase(), auctionId,
                parse.GetValue(last), cancellationToken)
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

        var head = Table(
            inspection.InRedis ? $"Head ({inspection.RedisKey})" : $"Head (not in Redis: {inspection.RedisKey})",
            "field", "ledger", "Redis", "");
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
        foreach (var record in inspection.Newest)
        {
            last.AddRow(
                $"{record.Version}", record.When(), Markup.Escape(record.What()), $"{record.State?.Price}",
                Markup.Escape(record.State?.Leader ?? ""), record.Origin);
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
/// <param name="Newest">The newest records in the ledger, rejections too, newest first.</param>
public sealed record Inspection(
    Guid AuctionId, IReadOnlyDictionary<string, string?> Row, IReadOnlyList<HeadField> Head, bool InRedis,
    IReadOnlyList<PendingEntry> Pending, [property: JsonIgnore] IReadOnlyList<LedgerRow> Newest)
{
    /// <summary>The key of the auction's hash in Redis.</summary>
    public string RedisKey => new HotKeys(AuctionId).Auction.ToString();

    /// <summary><see cref="Newest"/> in JSON.</summary>
    public IEnumerable<object> Last => Newest.Select(record => record.JsonFields());

    /// <returns>Null if the ledger does not have the auction.</returns>
    public static async Task<Inspection?> ReadAsync(
        LedgerHistory history, IDatabase redis, Guid id, int last, CancellationToken cancellationToken)
    {
        var hot = await RedisAuction.ReadAsync(redis, id);
        if (await history.ReadOverviewAsync(id, last, cancellationToken) is not { } ledger) return null;
        var inRedis = hot.Hash.Count > 0;
        var head = RedisAuction.FieldsOf(ledger.Head).Select(field =>
        {
            var value = hot.Hash.GetValueOrDefault(field.Field);
            return new HeadField(field.Field, field.Value, value, Differs: inRedis && value != field.Value);
        });
        var pending = hot.Pending.Select(entry =>
            new PendingEntry(entry.Version, entry.Line, InLedger: entry.Version <= ledger.Head.Version));
        return new Inspection(id, ledger.Columns, [.. head], inRedis, [.. pending], ledger.Newest);
    }
}
