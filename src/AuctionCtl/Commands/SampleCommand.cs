using System.CommandLine;
using Auctions.Ctl.Deployment;
using Auctions.Ctl.Replay;

namespace Auctions.Ctl.Commands;

/// <summary><c>sample</c>: makes up a file for <c>replay</c>.</summary>
public static class SampleCommand
{
    public static Command Create()
    {
        var seed = new Option<int>("--seed") { Description = "The same seed gives the same file", DefaultValueFactory = _ => SampleFile.CommittedSeed };
        var auctions = new Option<int>("--auctions") { DefaultValueFactory = _ => SampleFile.CommittedAuctions };
        var bids = new Option<int>("--bids") { Description = "In all, at least one an auction", DefaultValueFactory = _ => SampleFile.CommittedBids };
        var command = new Command("sample", "Writes a made-up file for replay; its closing prices are what the rules make of its bids.") { seed, auctions, bids };
        command.SetAction(parse =>
        {
            var (count, inAll) = (parse.GetValue(auctions), parse.GetValue(bids));
            if (count < 1 || inAll < count) throw new UnusableException("--auctions must be at least 1, and --bids at least as many.");
            Console.Out.Write(SampleFile.Write(parse.GetValue(seed), count, inAll));
            return ExitCode.Clean;
        });
        return command;
    }
}
