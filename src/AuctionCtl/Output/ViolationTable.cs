using Spectre.Console;

namespace Auctions.Ctl.Output;

/// <summary>Violations as people read them: the first twenty, and how many more.</summary>
public static class ViolationTable
{
    private const int Shown = 20;

    public static void Write(IReadOnlyList<Violation> violations)
    {
        if (violations.Count == 0) return;
        var table = new Table().Border(TableBorder.Rounded).Title("Violations").AddColumns("invariant", "auction", "version", "what");
        foreach (var v in violations.Take(Shown))
            table.AddRow(v.Invariant, Markup.Escape(v.AuctionId), v.Version is { } version ? $"{version}" : "", Markup.Escape(v.Detail));
        if (violations.Count > Shown) table.Caption($"and {violations.Count - Shown} more");
        Screen.Write(table);
    }
}
