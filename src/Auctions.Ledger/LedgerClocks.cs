using System.Diagnostics.Metrics;
using Auctions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>A clock that should agree with the ledger's.</summary>
/// <param name="Name">Such as "redis": a tag of the metric, and a word of the log line.</param>
/// <param name="ReadUs">Reads it, in microseconds since 1970. May throw if it does not answer.</param>
public sealed record ComparedClock(string Name, Func<CancellationToken, Task<long>> ReadUs);

/// <summary>The configuration section <c>Clock</c>.</summary>
public sealed class ClockOptions : ISectionOptions
{
    public static string Section => "Clock";

    /// <summary>
    /// How far a clock may differ from the ledger's, in milliseconds, 10 to 3,600,000. The ledger refuses what is
    /// decided more than a second ahead of its clock.
    /// </summary>
    public int ToleranceMs { get; set; } = 500;

    public IEnumerable<string> Failures()
    {
        if (ToleranceMs is < 10 or > 3_600_000)
            yield return $"Clock:ToleranceMs must be 10 to 3600000, and is {ToleranceMs}.";
    }
}

/// <summary>
/// Compares the clock of this process, and Redis' clock, with the ledger's. It is the health check <c>clock</c>, and
/// the metric <c>auctions.clock.offset</c>. Nothing depends on it: the ledger's clock decides in any case.
/// <para>Concurrency: one comparison at a time; the health checks run it once a second.</para>
/// <para>Lifecycle: no loop of its own. A clock that does not answer keeps its last result.</para>
/// <para>Invariants: a difference is certain. The ledger's clock is read before and after the others; a clock between
/// the two differs by nothing, however slow the machine is. One line is logged when a clock begins to differ, and one
/// when it is right again.</para>
/// <para>Bounds: a comparison ends after <see cref="TimeMax"/>.</para>
/// </summary>
public sealed class LedgerClocks : IDisposable
{
    private static readonly TimeSpan TimeMax = TimeSpan.FromSeconds(1.5);

    private readonly NpgsqlDataSource _source;
    private readonly TimeSpan _tolerance;
    private readonly ILogger _logger;
    private readonly Meter _meter = new("Auctions.Clocks");
    private readonly Measured[] _clocks;

    public LedgerClocks(
        LedgerPools pools, IEnumerable<ComparedClock> clocks, IOptions<ClockOptions> options,
        ILogger<LedgerClocks> logger)
    {
        (_source, _logger) = (pools.Probes, logger);
        _tolerance = TimeSpan.FromMilliseconds(options.Value.ToleranceMs);
        _clocks = [.. clocks.Select(c => new Measured(c))];
        _meter.CreateObservableGauge("auctions.clock.offset", Offsets, "s",
            "By how much a clock is at least ahead of the ledger's; negative = behind.");
    }

    /// <summary>Compares all clocks.</summary>
    /// <exception cref="ClockDiffersException">A clock differs by more than <see cref="ClockOptions.ToleranceMs"/>.
    /// </exception>
    public async Task CompareAsync(CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(TimeMax);
        try
        {
            await MeasureAsync(timeout.Token);
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested(); // else: the ledger does not answer, which postgres tells
        }

        string[] wrong = [.. _clocks.Where(c => c.Differs).Select(c => c.ToString())];
        if (wrong.Length > 0) throw new ClockDiffersException(string.Join("; ", wrong));
    }

    public void Dispose() => _meter.Dispose();

    private async Task MeasureAsync(CancellationToken cancellationToken)
    {
        await using var connection = await ConnectGate.OpenAsync(_source, cancellationToken);
        await using var command = new NpgsqlCommand("select now_us()", connection);
        var beforeUs = (long)(await command.ExecuteScalarAsync(cancellationToken))!;
        var readings = await Task.WhenAll(_clocks.Select(c => c.TryReadAsync(cancellationToken)));
        var afterUs = (long)(await command.ExecuteScalarAsync(cancellationToken))!;
        foreach (var (clock, reading) in _clocks.Zip(readings))
        {
            if (reading is not { } us) continue;
            clock.OffsetUs = us > afterUs ? us - afterUs : us < beforeUs ? us - beforeUs : 0;
            var differs = Math.Abs(clock.OffsetUs) > _tolerance.TotalMicroseconds;
            if (differs == clock.Differs) continue;
            clock.Differs = differs;
            if (differs) _logger.ClockDiffers(clock.Name, clock.OffsetUs / 1e6, _tolerance.TotalSeconds);
            else _logger.ClockAgrees(clock.Name);
        }
    }

    private IEnumerable<Measurement<double>> Offsets() => _clocks.Select(c =>
        new Measurement<double>(c.OffsetUs / 1e6, new KeyValuePair<string, object?>("clock", c.Name)));

    private sealed class Measured(ComparedClock clock)
    {
        private long _offsetUs;

        public string Name => clock.Name;

        public long OffsetUs
        {
            get => Volatile.Read(ref _offsetUs);
            set => Volatile.Write(ref _offsetUs, value);
        }

        public bool Differs { get; set; }

        /// <summary>Null if it does not answer: its own health check tells.</summary>
        public async Task<long?> TryReadAsync(CancellationToken cancellationToken)
        {
            try
            {
                return await clock.ReadUs(cancellationToken).WaitAsync(cancellationToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                return null;
            }
        }

        public override string ToString()
        {
            var where = OffsetUs > 0 ? "ahead of" : "behind";
            return FormattableString.Invariant(
                $"the clock of {Name} is {Math.Abs(OffsetUs) / 1e6:0.0} s {where} the ledger's");
        }
    }
}

/// <summary>A clock differs from the ledger's; the message says which one, and by how much.</summary>
public sealed class ClockDiffersException(string message) : Exception(message);
