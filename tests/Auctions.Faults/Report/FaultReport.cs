using System.Text.Json.Serialization;
using Auctions.Ctl;
using Auctions.Faults.Injection;

namespace Auctions.Faults.Report;

/// <summary>What a run found; written as JSON in snake case.</summary>
/// <param name="Faults">How often each kind was injected.</param>
/// <param name="BidsSent">Idempotency keys; <paramref name="Calls"/> counts every call with one.</param>
/// <param name="Acknowledged">Keys that were answered, refusals too; <paramref name="Refused"/> counts those alone.</param>
/// <param name="Unknown">Keys whose outcome could not be learnt, though all was whole again.</param>
/// <param name="CallsWithoutAnswer">By how they ended.</param>
/// <param name="LongestUnavailabilityMs">See <see cref="Availability"/>.</param>
/// <param name="DiedOutside">Parts that died and were not killed by the run, and how often.</param>
/// <param name="EventRecordsMissed">That Kafka dropped before they were read; I8 cannot be judged for them.</param>
public sealed record FaultReport(
    int Seed, double Seconds, IReadOnlyDictionary<string, int> Faults,
    long BidsSent, long Calls, long Acknowledged, long Refused, long Unknown, IReadOnlyDictionary<string, int> CallsWithoutAnswer,
    int Lost, int Phantom, IReadOnlyList<Violation> Violations,
    IReadOnlyDictionary<string, double> LongestUnavailabilityMs,
    int Auctions, int Sealed, long LedgerEntries, long LedgerRefusals, double BidsPerSecond,
    IReadOnlyDictionary<string, int> DiedOutside, long EventRecordsMissed,
    double StartSeconds, double SettleSeconds, double CheckSeconds)
{
    /// <summary>Every promise was kept.</summary>
    [JsonIgnore]
    public bool IsClean => Lost == 0 && Phantom == 0 && Unknown == 0 && Violations.Count == 0;

    /// <summary>Injected faults by kind, in report order.</summary>
    internal static IReadOnlyDictionary<string, int> Count(IEnumerable<InjectedFault> faults) =>
        faults.GroupBy(f => f.Kind).OrderBy(g => g.Key).ToDictionary(g => FaultLog.Name(g.Key), g => g.Count());
}
