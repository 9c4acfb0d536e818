using System.CommandLine.Parsing;
using System.Globalization;

namespace Auctions.Ctl.Deployment;

/// <summary>Lengths of time as options give them: <c>250ms</c>, <c>30s</c>, <c>5m</c>, <c>1h</c>, <c>2d</c>.</summary>
public static class Durations
{
    private static readonly (string Unit, double Seconds)[] Units = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];

    /// <summary>Null where the text is no length of time above zero and up to a year.</summary>
    public static TimeSpan? Parse(string text)
    {
        foreach (var (unit, seconds) in Units)
        {
            if (!text.EndsWith(unit, StringComparison.Ordinal)) continue;
            if (!double.TryParse(text.AsSpan()[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var count)) continue;
            return count * seconds is > 0 and <= 366 * 86_400.0 ? TimeSpan.FromSeconds(count * seconds) : null;
        }

        return null;
    }

    /// <summary>For an option's CustomParser.</summary>
    public static TimeSpan? Parse(ArgumentResult argument)
    {
        var text = argument.Tokens is [var token] ? token.Value : "";
        if (Parse(text) is { } duration) return duration;
        argument.AddError($"'{text}' is no length of time such as 250ms, 30s, 5m, 1h or 2d.");
        return null;
    }
}
