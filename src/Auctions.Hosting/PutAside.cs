using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace Auctions.Hosting;

/// <summary>
/// What a loop puts aside because it failed, so that the loop goes on with everything else. Each failure doubles the
/// time for which an id stays aside. A loop asks <see cref="IsAside"/> before it works on an id, and says afterwards
/// whether the work <see cref="Failed"/> or <see cref="Succeeded"/>.
/// <para>Concurrency: any thread may call any member.</para>
/// <para>Lifecycle: an id is known from its first failure to its next success. It is logged once in that time.</para>
/// <para>Invariants: an id that never fails is never aside. An id is never aside for longer than
/// <see cref="DelayMax"/>, so a fault that has passed is noticed.</para>
/// <para>Bounds: at most <see cref="IdsMax"/> (10,000) ids, some 50 bytes each. Beyond that, the id that is free
/// again first is forgotten; it may be tried too early.</para>
/// </summary>
/// <param name="work">The loop's work, for the log and the metric, such as "closing".</param>
public sealed class PutAside(string work, TimeProvider timeProvider, ILogger logger)
{
    public const int IdsMax = 10_000;

    /// <summary>After the first failure.</summary>
    public static readonly TimeSpan DelayMin = TimeSpan.FromSeconds(1);

    public static readonly TimeSpan DelayMax = TimeSpan.FromMinutes(1);

    private static readonly Meter Meter = new("Auctions.Hosting");
    private static readonly Counter<long> Failures = Meter.CreateCounter<long>(
        "auctions.put_aside", "{failure}", "Failures of single auctions in background work, by work.");

    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, Place> _places = [];

    /// <summary>Whether the id failed, and has to wait.</summary>
    public bool IsAside(Guid id)
    {
        lock (_lock)
        {
            return _places.Count > 0 && _places.TryGetValue(id, out var place) && !IsFree(place);
        }
    }

    /// <summary>The work on this id failed: it waits, twice as long as the last time.</summary>
    /// <param name="fault">Is logged with the id if this is its first failure.</param>
    public void Failed(Guid id, Exception? fault = null)
    {
        Failures.Add(1, new KeyValuePair<string, object?>("work", work));
        bool isFirst;
        lock (_lock)
        {
            isFirst = !_places.TryGetValue(id, out var last);
            if (isFirst && _places.Count >= IdsMax) ForgetOne();
            var doubled = last.Delay * 2;
            var delay = isFirst ? DelayMin : doubled < DelayMax ? doubled : DelayMax;
            _places[id] = new Place(timeProvider.GetTimestamp(), delay);
        }

        if (isFirst) logger.PutAside(work, id, fault);
    }

    /// <summary>The work on this id succeeded: its earlier failures are forgotten.</summary>
    public void Succeeded(Guid id)
    {
        bool wasKnown;
        lock (_lock)
        {
            wasKnown = _places.Count > 0 && _places.Remove(id);
        }

        if (wasKnown) logger.NoLongerAside(work, id);
    }

    /// <summary>The ids that wait now, in no order; at most <see cref="IdsMax"/>.</summary>
    public Guid[] Current()
    {
        lock (_lock)
        {
            return _places.Count == 0 ? [] : [.. _places.Where(p => !IsFree(p.Value)).Select(p => p.Key)];
        }
    }

    private bool IsFree(Place place) => timeProvider.GetElapsedTime(place.FailedAt) >= place.Delay;

    private void ForgetOne() =>
        _places.Remove(_places.MinBy(p => p.Value.Delay - timeProvider.GetElapsedTime(p.Value.FailedAt)).Key);

    /// <param name="FailedAt">The last failure: a timestamp of the time provider.</param>
    /// <param name="Delay">How long the id waits from then on.</param>
    private readonly record struct Place(long FailedAt, TimeSpan Delay);
}
