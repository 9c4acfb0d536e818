using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace Auctions.Ctl.Output;

/// <summary>Tables on standard output: with colours on a terminal; plain, 160 columns wide, elsewhere.</summary>
public static class Screen
{
    private const int RedirectedWidth = 160;

    public static void Write(Table table)
    {
        var redirected = Console.IsOutputRedirected;
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = redirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Out = new AnsiConsoleOutput(Console.Out),
        });
        if (redirected) console.Profile.Width = RedirectedWidth;
        console.Write(table);
    }
}

/// <summary>A table of the first twenty violations, with the number of the others.</summary>
public static class ViolationTable
{
    private const int Shown = 20;

    public static void Write(IReadOnlyList<Violation> violations)
    {
        if (violations.Count == 0) return;
        var table = new Table().Border(TableBorder.Rounded).Title("Violations")
            .AddColumns("invariant", "auction", "version", "what");
        foreach (var v in violations.Take(Shown))
            table.AddRow(v.Invariant, Markup.Escape(v.AuctionId), $"{v.Version}", Markup.Escape(v.Detail));
        if (violations.Count > Shown) table.Caption($"and {violations.Count - Shown} more");
        Screen.Write(table);
    }
}

/// <summary>The JSON that this tool writes: snake case, indented, enums by name.</summary>
public static class Json
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        // The output goes to files and terminals, not into HTML.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    public static string Of<T>(T value) => JsonSerializer.Serialize(value, Options);
}
