using System.Diagnostics.Metrics;

namespace CdcRedisUpdater;

/// <summary>The updater's counters: meter <c>Auctions.CdcRedisUpdater</c>.</summary>
internal sealed class UpdaterMetrics : IDisposable
{
    public const string MeterName = "Auctions.CdcRedisUpdater";

    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _records;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _retries;
    private readonly Counter<long> _gaps;
    private readonly Counter<long> _malformed;

    public UpdaterMetrics()
    {
        _records = _meter.CreateCounter<long>(
            "auctions.updater.records", "{record}", "Records that were processed.");
        _dropped = _meter.CreateCounter<long>(
            "auctions.updater.dropped", "{auction}", "Auctions that were dropped from Redis.");
        _retries = _meter.CreateCounter<long>(
            "auctions.updater.retries", "{batch}", "Attempts that failed as Redis was away.");
        _gaps = _meter.CreateCounter<long>(
            "auctions.updater.gaps", "{gap}", "Partitions in which records may be missing.");
        _malformed = _meter.CreateCounter<long>(
            "auctions.updater.malformed", "{record}", "Rows that could not be read.");
    }

    public void Processed(int records) => _records.Add(records);
    public void Dropped() => _dropped.Add(1);
    public void Retried() => _retries.Add(1);
    public void Gap() => _gaps.Add(1);
    public void Malformed() => _malformed.Add(1);
    public void Dispose() => _meter.Dispose();
}
