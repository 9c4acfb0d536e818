using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DevStack.Supervision;

namespace DevStack.Commands;

/// <summary>What <c>status</c> prints.</summary>
internal static class StatusReport
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static string Table(RunDirectory run, IReadOnlyList<PartStatus> parts)
    {
        var table = new StringBuilder();
        foreach (var (part, state, process) in parts)
        {
            var uptime = process is null ? "" : $"{process.Uptime():d\\.hh\\:mm\\:ss}";
            table.AppendLine($"{part.Name,-9} {Word(state),-8} {process?.Pid,7} {uptime,11}  {string.Join(' ', Addresses(run, part))}".TrimEnd());
        }
        return table.ToString();
    }

    public static string Json(RunDirectory run, IReadOnlyList<PartStatus> parts)
    {
        var list = parts.Select(p => (JsonNode)new JsonObject
        {
            ["name"] = p.Part.Name,
            ["state"] = Word(p.State),
            ["pid"] = p.Process?.Pid,
            ["uptime_s"] = p.Process is null ? null : Math.Round(p.Process.Uptime().TotalSeconds, 1),
            ["addresses"] = new JsonArray([.. Addresses(run, p.Part).Select(a => (JsonNode)a)]),
            ["log"] = run.LogFile(p.Part.Name),
        });
        return new JsonArray([.. list]).ToJsonString(Indented) + "\n";
    }

    private static string Word(PartState state) => state.ToString().ToLowerInvariant();

    private static IEnumerable<string> Addresses(RunDirectory run, Part part) =>
        part.Ports.Select(run.Endpoints.Find).OfType<string>();
}
