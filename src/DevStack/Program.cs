using System.CommandLine;
using DevStack.Commands;

var clock = TimeProvider.System;
var root = new RootCommand("Runs the whole system on one machine")
{
    StackCommands.Up(clock),
    StackCommands.Down(clock),
    StackCommands.Status(clock),
    StackCommands.Logs(),
    KafkaCommand.Create(),
    RelayCommand.Create(clock),
};
return await root.Parse(args).InvokeAsync();
