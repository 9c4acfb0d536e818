using System.CommandLine;
using Auctions.Simulation;

var seed = new Option<int?>("--seed") { Description = "Plays this seed alone and prints what it finds." };
var seeds = new Option<int>("--seeds") { Description = "How many seeds to play, from 0 on.", DefaultValueFactory = _ => 1_000 };
var without = new Option<Guards>("--without") { Description = "A guard to take out, to see what it is for.", DefaultValueFactory = _ => Guards.None };
var root = new RootCommand("Plays random histories of the bid path, faults included, and checks the promises.") { seed, seeds, without };
root.SetAction(parsed =>
{
    var guards = Guards.All & ~parsed.GetValue(without);
    var range = parsed.GetValue(seed) is { } one ? Enumerable.Range(one, 1) : Enumerable.Range(0, parsed.GetValue(seeds));
    var total = Histories.Play(range, guards);
    Console.WriteLine(total);
    return total.Broken.Count == 0 ? 0 : 1;
});
return root.Parse(args).Invoke();
