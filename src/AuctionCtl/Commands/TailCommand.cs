using System.CommandLine;
using System.Text.Json;
using Auctions.Ctl.Deployment;
using Auctions.Ctl.Inspect;
using Npgsql;

namespace Auctions.Ctl.Commands;

/// <summary><c>tail</c>: prints an auction's ledger as it grows.</summary>
public static class TailCommand
{
    public static Command Create(TimeProvider timeProvider)
    {
        var id = new Argument<Guid>("ID") { Description = "The auction" };
        var after = new Option<long>("--after") { Description = "The version after which to begin", DefaultValueFactory = _ => -1 };
        var json = new Option<bool>("--json") { Description = "Prints a line of JSON an entry" };
        var command = new Command("tail", "Prints the entries of an auction's ledger as they come, until it is sealed or Ctrl-C.") { id, after, json };
        command.SetAction(async (parse, cancellationToken) =>
        {
            await using var postgres = new Target(parse).Postgres();
            var auctionId = parse.GetRequiredValue(id);
            await RequireAsync(postgres, auctionId, cancellationToken);
            try
            {
                await foreach (var row in new LedgerTail(postgres, timeProvider).FollowAsync(auctionId, parse.GetValue(after), cancellationToken))
                    await Console.Out.WriteLineAsync(parse.GetValue(json) ? JsonSerializer.Serialize(row, Lines) : Line(row));
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // Ctrl-C is how one stops watching.
            }

            return ExitCode.Clean;
        });
        return command;
    }

    private static readonly JsonSerializerOptions Lines = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static string Line(LedgerRow row) =>
        $"{row.When}  v{row.Version,-5} {row.What}  -> {row.Status}, price {row.Price}, leader {(string.IsNullOrEmpty(row.Leader) ? "none" : row.Leader)}, {row.BidCount} bids";

    private static async Task RequireAsync(NpgsqlDataSource postgres, Guid auctionId, CancellationToken cancellationToken)
    {
        await using var command = postgres.CreateCommand("select exists (select from auctions where id = $1)");
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = auctionId });
        if (await command.ExecuteScalarAsync(cancellationToken) is not true) throw new UnusableException($"There is no auction {auctionId}.");
    }
}
