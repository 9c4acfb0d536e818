using System.CommandLine;
using Auctions.Ctl.Deployment;
using Auctions.Ctl.Inspect;
using Auctions.Ctl.Output;
using Spectre.Console;
using StackExchange.Redis;

namespace Auctions.Ctl.Commands;

/// <summary><c>inspect</c>: an auction in Postgres and in Redis side by side.</summary>
public static class InspectCommand
{
    public static Command Create()
    {
        var id = new Argument<Guid>("ID") { Description = "The auction" };
        var last = new Option<int>("--last") { Description = "How many of the newest answers", DefaultValueFactory = _ => 10 };
        var json = new Option<bool>("--json") { Description = "Prints JSON" };
        var command = new Command("inspect", "Shows an auction's row, its terms, Redis' hash beside it with differences marked, what is pending, and the last entries.")
            { id, last, json };
        command.SetAction(async (parse, cancellationToken) =>
        {
            var target = new Target(parse);
            await using var postgres = target.Postgres();
            await using var redis = await ConnectionMultiplexer.ConnectAsync(target.Redis());
            var auctionId = parse.GetRequiredValue(id);
            var inspection = await Inspection.ReadAsync(postgres, redis.GetDatabase(), auctionId, parse.GetValue(last), cancellationToken)
                ?? throw new UnusableException($"There is no auction {auctionId}.");
            if (parse.GetValue(json)) await Console.Out.WriteLineAsync(Json.Of(inspection));
            else Write(inspection);
            return ExitCode.Clean;
        });
        return command;
    }

    private static void Write(Inspection inspection)
    {
        var row = new Table().Border(TableBorder.Rounded).Title($"Auction {inspection.AuctionId}").AddColumns("column", "value");
        foreach (var (column, value) in inspection.Row) row.AddRow(column, Markup.Escape(value ?? "null"));
        Screen.Write(row);

        var head = new Table().Border(TableBorder.Rounded).Title(inspection.InRedis ? "Head" : "Head (Redis does not hold it)").AddColumns("field", "ledger", "Redis", "");
        foreach (var field in inspection.Head)
            head.AddRow(field.Field, Markup.Escape(field.Ledger), Markup.Escape(field.Redis ?? ""), field.Differs ? "[red]differs[/]" : "");
        Screen.Write(head);

        if (inspection.Pending.Count > 0)
        {
            var pending = new Table().Border(TableBorder.Rounded).Title("Pending in Redis").AddColumns("version", "line", "");
            foreach (var entry in inspection.Pending) pending.AddRow($"{entry.Version}", Markup.Escape(entry.Line), entry.InLedger ? "in the ledger" : "[yellow]not in the ledger[/]");
            Screen.Write(pending);
        }

        var last = new Table().Border(TableBorder.Rounded).Title("Newest answers").AddColumns("version", "decided", "what", "price", "leader", "origin");
        foreach (var entry in inspection.Last)
            last.AddRow($"{entry.Version}", entry.When, Markup.Escape(entry.What), $"{entry.Price}", Markup.Escape(entry.Leader ?? ""), entry.Origin ?? "");
        Screen.Write(last);
    }
}
