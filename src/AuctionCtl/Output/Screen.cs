using Spectre.Console;

namespace Auctions.Ctl.Output;

/// <summary>Standard output, for tables: with colours on a terminal; plain, and wide enough for most rows, in a file or a pipe.</summary>
public static class Screen
{
    private const int RedirectedWidth = 160;

    public static void Write(Table table)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = Console.IsOutputRedirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = Console.IsOutputRedirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Out = new AnsiConsoleOutput(Console.Out),
        });
        if (Console.IsOutputRedirected) console.Profile.Width = RedirectedWidth;
        console.Write(table);
    }
}
