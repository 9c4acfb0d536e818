using System.Text.Json;
using System.Text.Json.Nodes;

namespace Auctions.Benchmarks.Report;

/// <summary>The report as JSON: names in snake case, figures with four significant digits.</summary>
internal static class ReportJson
{
    private static readonly JsonSerializerOptions Options = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static string Of(BidsReport report) => Rounded(JsonSerializer.SerializeToNode(report, Options))!.ToJsonString(Options) + "\n";

    private static JsonNode? Rounded(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject properties:
                foreach (var (name, value) in properties.ToList()) properties[name] = Rounded(value?.DeepClone());
                return properties;
            case JsonArray items:
                for (var i = 0; i < items.Count; i++) items[i] = Rounded(items[i]?.DeepClone());
                return items;
            case JsonValue value when value.TryGetValue(out double number) && number != Math.Floor(number):
                var digits = Math.Clamp(3 - (int)Math.Floor(Math.Log10(Math.Abs(number))), 0, 10);
                return JsonValue.Create(Math.Round(number, digits));
            default:
                return node;
        }
    }
}
