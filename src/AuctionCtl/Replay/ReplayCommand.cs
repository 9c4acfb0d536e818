using System.CommandLine;
using Auctions.Ctl.Deployment;
using Auctions.Ctl.Output;
using Auctions.Grpc;

namespace Auctions.Ctl.Replay;

/// <summary><c>replay</c>: sends the bids of a file through the services and checks the result.</summary>
public static class ReplayCommand
{
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(1), ConnectTimeout = TimeSpan.FromSeconds(10);

    public static Command Create(TimeProvider timeProvider)
    {
        var file = new Argument<FileInfo>("FILE")
        {
            Description = "CSV with one row for each bid: see samples/sample-auctions.csv",
        };
        var endAfter = new Option<TimeSpan?>("--end-after")
        {
            Description = "How long each auction stays open; it is created right before its first bid "
                + "(default: 30s, or longer if its bids need more)",
            CustomParser = Durations.Parse,
        };
        var json = new Option<string?>("--json")
        {
            Description = "Write the report as JSON to this file, or to standard output if no file is given",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var parallel = new Option<int>("--parallel")
        {
            Description = "How many auctions receive bids at the same time",
            DefaultValueFactory = _ => 64,
        };
        var bidding = Address("--bidding", "host:port of BiddingService (or BIDDING_ADDRESS)");
        var auction = Address("--auction", "host:port of AuctionService (or AUCTION_ADDRESS)");
        var gateway = Address("--gateway", "host:port of StreamGateway (or GATEWAY_ADDRESS)");
        parallel.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 10_000) result.AddError("--parallel must be 1 to 10000.");
        });
        var command = new Command(
            "replay",
            "Sends the bids of a CSV file through gRPC, in time order per auction, and compares the closing prices.")
            { file, endAfter, json, parallel, bidding, auction, gateway };
        command.SetAction(async (parse, cancellationToken) =>
        {
            var auctions = Read(parse.GetRequiredValue(file));
            var target = new Target(parse);
            var tokens = target.Tokens(timeProvider);
            using var clients = new ReplayClients(
                target.Service(bidding, "bidding"), target.Service(auction, "auction"),
                target.Service(gateway, "gateway"),
                (subject, role) => tokens.Mint(subject, role, TokenLifetime, Caller.AllExemptions), timeProvider);
            await ConnectAsync(clients, timeProvider, cancellationToken);
            var run = new ReplayRun(clients, parse.GetValue(endAfter), parse.GetValue(parallel), timeProvider);
            var report = await run.RunAsync(auctions, cancellationToken);

            var asJson = parse.GetResult(json) is not null;
            var path = parse.GetValue(json);
            if (path is not null) await File.WriteAllTextAsync(path, Json.Of(report) + "\n", cancellationToken);
            else if (asJson) await Console.Out.WriteLineAsync(Json.Of(report));
            if (path is not null || !asJson) ReplayTable.Write(report);
            return report.Violations.Count == 0 ? ExitCode.Clean : ExitCode.Broken;
        });
        return command;

        static Option<string?> Address(string name, string description) => new(name) { Description = description };
    }

    private static IReadOnlyList<RecordedAuction> Read(FileInfo file)
    {
        try
        {
            using var text = file.OpenText();
            return BidFile.Read(text);
        }
        catch (BidFileException e)
        {
            throw new CommandException($"{file.Name}: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(e.Message);
        }
    }

    private static async Task ConnectAsync(
        ReplayClients clients, TimeProvider timeProvider, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(ConnectTimeout, timeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            await clients.ConnectAsync(either.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            throw new CommandException(
                $"Could not connect to all of bidding, auction and gateway within {ConnectTimeout.TotalSeconds:0} s. "
                + "Is the stack up?");
        }
    }
}
