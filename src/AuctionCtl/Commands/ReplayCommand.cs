using System.CommandLine;
using Auctions.Ctl.Deployment;
using Auctions.Ctl.Output;
using Auctions.Ctl.Replay;
using Auctions.Grpc;
using Auctions.Hosting;

namespace Auctions.Ctl.Commands;

/// <summary><c>replay</c>: sends the bids of a file through the services, and compares what comes of them.</summary>
public static class ReplayCommand
{
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(1), ConnectTimeout = TimeSpan.FromSeconds(10), GiveUp = TimeSpan.FromSeconds(60);

    public static Command Create(TimeProvider timeProvider)
    {
        var file = new Argument<FileInfo>("FILE") { Description = "CSV with a row a bid: see samples/sample-auctions.csv" };
        var endAfter = new Option<TimeSpan?>("--end-after")
        {
            Description = "How long each auction stays open, from its creation right before its first bid; by default 30s, or more where its bids need more",
            CustomParser = Durations.Parse,
        };
        var json = new Option<string?>("--json") { Description = "Writes the report as JSON to this file, or, without a name, to standard output", Arity = ArgumentArity.ZeroOrOne };
        var parallel = new Option<int>("--parallel") { Description = "How many auctions are bid in at once", DefaultValueFactory = _ => 64 };
        var bidding = new Option<string?>("--bidding") { Description = "host:port of BiddingService (or BIDDING_ADDRESS)" };
        var auction = new Option<string?>("--auction") { Description = "host:port of AuctionService (or AUCTION_ADDRESS)" };
        var gateway = new Option<string?>("--gateway") { Description = "host:port of StreamGateway (or GATEWAY_ADDRESS)" };
        parallel.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 10_000) result.AddError("--parallel must be 1 to 10000.");
        });
        var command = new Command("replay", "Sends the bids of a CSV through gRPC, in time order per auction, and compares the closing prices.")
            { file, endAfter, json, parallel, bidding, auction, gateway };
        command.SetAction(async (parse, cancellationToken) =>
        {
            var auctions = Read(parse.GetRequiredValue(file));
            var target = new Target(parse);
            var tokens = target.Tokens(timeProvider);
            using var clients = new ReplayClients(target.Service(bidding, "bidding"), target.Service(auction, "auction"), target.Service(gateway, "gateway"),
                (subject, role) => tokens.Mint(subject, Enum.Parse<Roles>(role, ignoreCase: true), TokenLifetime, "velocity"));
            await ConnectAsync(clients, timeProvider, cancellationToken);
            var run = new ReplayRun(clients, parse.GetValue(endAfter), parse.GetValue(parallel), GiveUp, timeProvider);
            var report = await run.RunAsync(auctions, cancellationToken);

            var asJson = parse.GetResult(json) is not null;
            if (asJson && parse.GetValue(json) is { } path) await File.WriteAllTextAsync(path, Json.Of(report) + "\n", cancellationToken);
            else if (asJson) await Console.Out.WriteLineAsync(Json.Of(report));
            if (!asJson || parse.GetValue(json) is not null) ReplayTable.Write(report);
            return report.Violations.Count == 0 ? ExitCode.Clean : ExitCode.Broken;
        });
        return command;
    }

    private static IReadOnlyList<RecordedAuction> Read(FileInfo file)
    {
        try
        {
            using var text = file.OpenText();
            return BidFile.Read(text);
        }
        catch (CsvException e)
        {
            throw new UnusableException($"{file.Name}: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UnusableException(e.Message);
        }
    }

    private static async Task ConnectAsync(ReplayClients clients, TimeProvider timeProvider, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(ConnectTimeout, timeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            await clients.ConnectAsync(either.Token);
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            throw new UnusableException($"Not all of bidding, auction and gateway could be reached within {ConnectTimeout.TotalSeconds:0} s. Is the stack up?");
        }
    }
}
