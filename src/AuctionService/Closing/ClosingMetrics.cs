using System.Diagnostics.Metrics;

namespace AuctionService.Closing;

/// <summary>What the closing says of itself. Meter <c>Auctions.Closing</c>.</summary>
internal sealed class ClosingMetrics : IDisposable
{
    private readonly Meter _meter = new("Auctions.Closing");
    private readonly Counter<long> _sealed;
    private readonly Histogram<double> _lateness;

    public ClosingMetrics()
    {
        _sealed = _meter.CreateCounter<long>("auctions.sealed", "{auction}", "Auctions sealed at their end.");
        _lateness = _meter.CreateHistogram<double>("auctions.sealed.lateness", "s", "From the effective end to the sealing entry's commit.");
    }

    public void Sealed(TimeSpan lateness)
    {
        _sealed.Add(1);
        _lateness.Record(lateness.TotalSeconds);
    }

    public void Dispose() => _meter.Dispose();
}
