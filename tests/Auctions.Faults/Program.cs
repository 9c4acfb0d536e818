using System.CommandLine;
using Auctions.Ctl;
using Auctions.Faults;

var parsed = FaultsCommand.Create(TimeProvider.System).Parse(args);
if (parsed.Errors.Count > 0)
{
    await parsed.InvokeAsync();
    return ExitCode.NotChecked;
}

// Ctrl-C and TERM end the run; the stack is stopped before the process ends.
return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(60) });
