using Auctions.Faults.Load;

namespace Auctions.Faults.Injection;

/// <summary>A fault as it happened, by the run's clock in microseconds.</summary>
/// <param name="EndedUs">When the part was ready again, or the link mended; the end of time while it lasts.</param>
public sealed record InjectedFault(FaultKind Kind, string Target, long BeganUs, long EndedUs);

/// <summary>What was broken, when, and for how long.</summary>
public sealed class FaultLog(RunClock clock)
{
    private readonly Lock _gate = new();
    private readonly List<InjectedFault> _faults = [];

    public IReadOnlyList<InjectedFault> Faults
    {
        get
        {
            lock (_gate) return [.. _faults];
        }
    }

    /// <summary>From now until the result is disposed of.</summary>
    public IDisposable Begin(FaultKind kind, string target)
    {
        lock (_gate)
        {
            _faults.Add(new InjectedFault(kind, target, clock.NowUs, long.MaxValue));
            return new Lasting(this, _faults.Count - 1);
        }
    }

    /// <summary>The kinds of what lasts, for the line that tells of it.</summary>
    public string Now() => string.Join(' ', Faults.Where(f => f.EndedUs == long.MaxValue).Select(f => $"{Name(f.Kind)}({f.Target})"));

    /// <summary>A kind's name in reports, in snake case.</summary>
    public static string Name(FaultKind kind) => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString());

    private void End(int place)
    {
        lock (_gate) _faults[place] = _faults[place] with { EndedUs = clock.NowUs };
    }

    private sealed class Lasting(FaultLog log, int place) : IDisposable
    {
        public void Dispose() => log.End(place);
    }
}
