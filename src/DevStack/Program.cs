using System.CommandLine;
using DevStack.Commands;

var timeProvider = TimeProvider.System;
var root = new RootCommand("Runs the whole system on one machine")
{
    StackCommands.Up(timeProvider),
    StackCommands.Down(timeProvider),
    StackCommands.Status(timeProvider),
    StackCommands.Logs(),
    ServerCommands.Kafka(),
    ServerCommands.Relay(timeProvider),
};
return await root.Parse(args).InvokeAsync();
