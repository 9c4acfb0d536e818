using System.Text;
using Auctions.Benchmarks.Cases;

namespace Auctions.Benchmarks.Report;

/// <summary>
/// Throughput and p99 against offered load on the hot auction, as SVG. Both axes are logarithmic, because the designs
/// are an order of magnitude apart.
/// </summary>
internal static class Plot
{
    private const int Width = 860, Height = 400, PanelWidth = 330, PanelHeight = 280;
    private const int Top = 50, FirstLeft = 70, SecondLeft = 500;

    private static readonly (string Design, string Name, string Colour)[] Series =
    [
        ("ours", "this system", "#0b6e4f"), ("for_update", "SELECT … FOR UPDATE", "#c0392b"),
        ("for_update_batched", "the same, batched", "#e59866"), ("plpgsql", "one plpgsql call", "#2e6da4"),
        ("redis_lock", "lock in Redis", "#b7791f"),
    ];

    public static string Of(BidsReport report)
    {
        var svg = new StringBuilder(
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" "
            + $"font-size=\"12\">\n<rect width=\"{Width}\" height=\"{Height}\" fill=\"white\"/>\n");
        var points = report.Latency;
        if (points.Count > 0)
        {
            var offered = new Axis(points.Select(p => p.OfferedPerS!.Value), PanelWidth);
            var answered = new Axis(points.Select(p => p.AckedPerS), PanelHeight);
            var p99 = new Axis(points.Select(p => p.P99Ms), PanelHeight);
            Panel(svg, points, FirstLeft, "answers per second", offered, answered, p => p.AckedPerS);
            Panel(svg, points, SecondLeft, "p99 in ms, delays in sending included", offered, p99, p => p.P99Ms);
        }

        Legend(svg);
        return svg.Append("</svg>\n").ToString();
    }

    private static void Panel(
        StringBuilder svg, IReadOnlyList<CaseResult> points, int left, string title, Axis x, Axis y,
        Func<CaseResult, double> value)
    {
        const int bottom = Top + PanelHeight;
        svg.Append($"<text x=\"{left}\" y=\"{Top - 12}\" font-weight=\"bold\">{title}</text>\n");
        foreach (var tick in y.Ticks)
        {
            var at = bottom - y.At(tick);
            svg.Append($"<path d=\"M{left} {at:0.0}h{PanelWidth}\" stroke=\"#ddd\"/>");
            svg.Append($"<text x=\"{left - 6}\" y=\"{at + 4:0.0}\" text-anchor=\"end\">{tick:#,##0.##}</text>\n");
        }

        foreach (var tick in x.Ticks)
        {
            var at = left + x.At(tick);
            svg.Append($"<path d=\"M{at:0.0} {Top}v{PanelHeight}\" stroke=\"#eee\"/>");
            svg.Append($"<text x=\"{at:0.0}\" y=\"{bottom + 16}\" text-anchor=\"middle\">{tick:#,##0}</text>\n");
        }

        svg.Append($"<text x=\"{left + PanelWidth / 2}\" y=\"{bottom + 34}\" text-anchor=\"middle\">");
        svg.Append("bids offered per second</text>\n");
        foreach (var (design, _, colour) in Series)
        {
            var line = points.Where(p => p.Design == design).OrderBy(p => p.OfferedPerS)
                .Select(p => (X: left + x.At(p.OfferedPerS!.Value), Y: bottom - y.At(value(p)))).ToList();
            var path = string.Join(' ', line.Select((p, i) => $"{(i == 0 ? 'M' : 'L')}{p.X:0.0} {p.Y:0.0}"));
            svg.Append($"<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n");
            foreach (var (atX, atY) in line)
                svg.Append($"<circle cx=\"{atX:0.0}\" cy=\"{atY:0.0}\" r=\"3.5\" fill=\"{colour}\"/>\n");
        }
    }

    private static void Legend(StringBuilder svg)
    {
        for (var i = 0; i < Series.Length; i++)
        {
            var (_, name, colour) = Series[i];
            var left = FirstLeft + i * (Width - FirstLeft) / Series.Length;
            svg.Append($"<rect x=\"{left}\" y=\"{Height - 20}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>");
            svg.Append($"<text x=\"{left + 20}\" y=\"{Height - 13}\">{name}</text>\n");
        }
    }

    /// <summary>A logarithmic axis with some room on both sides of its values.</summary>
    private sealed class Axis
    {
        private readonly double _from, _scale;

        public Axis(IEnumerable<double> values, int pixels)
        {
            var positive = values.Where(v => v > 0).DefaultIfEmpty(1).ToList();
            (_from, var to) = (Math.Log10(positive.Min()) - 0.1, Math.Log10(positive.Max()) + 0.1);
            _scale = pixels / (to - _from);
            Ticks =
            [
                .. Enumerable.Range(-3, 12)
                    .SelectMany(_ => (double[])[1, 2, 5], (decade, step) => step * Math.Pow(10, decade))
                    .Where(tick => Math.Log10(tick) >= _from && Math.Log10(tick) <= to),
            ];
        }

        public IReadOnlyList<double> Ticks { get; }

        public double At(double value) => (Math.Log10(Math.Max(value, 1e-3)) - _from) * _scale;
    }
}
