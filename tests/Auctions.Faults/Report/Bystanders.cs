using System.Text.Json.Serialization;
using Auctions.Ctl;
using Auctions.Faults.Evidence;
using Auctions.Faults.Injection;

namespace Auctions.Faults.Report;

/// <summary>
/// How other auctions did while rows were locked: calls for bids on auctions that were not locked, in the part of the
/// time in which nothing else was broken. Beside them the same of the time in which nothing at all was broken.
/// </summary>
/// <param name="Calls">The calls that began while rows were locked.</param>
/// <param name="Answered">Those of them with an answer.</param>
/// <param name="P99Ms">Of the answered ones.</param>
/// <param name="QuietP99Ms">The same while nothing was broken.</param>
public sealed record Bystanders(int Calls, int Answered, double P99Ms, double QuietP99Ms)
{
    /// <summary>After a fault a service needs this time to recover.</summary>
    private const long RecoveryUs = 3_000_000;

    /// <summary>If a call takes longer than this, no later fault is an excuse.</summary>
    private const long PatienceUs = 2_000_000;

    /// <summary>Calls that the lock of another auction left without an answer. A slow answer is one.</summary>
    [JsonIgnore]
    public IReadOnlyList<Violation> Violations { get; init; } = [];

    /// <returns>Null if no rows were locked alone.</returns>
    public static Bystanders? Of(IEnumerable<SentBid> bids, IReadOnlyList<InjectedFault> faults)
    {
        var others = faults.Where(f => f.Kind != FaultKind.RowLock).ToList();
        var locks = faults.Where(f => f.Kind == FaultKind.RowLock).ToList();
        var (during, quiet) = (new List<BidCall>(), new List<BidCall>());
        var violations = new List<Violation>();
        foreach (var bid in bids)
        {
            foreach (var call in bid.Calls.Where(c => !others.Exists(f => Disturbs(f, c))))
            {
                var held = locks.Where(f => f.BeganUs <= call.BeganUs && call.BeganUs < f.EndedUs).ToList();
                if (held.Count == 0 && !locks.Exists(f => Disturbs(f, call))) quiet.Add(call);
                if (held.Count == 0 || held.Exists(f => f.Auctions!.Contains(bid.AuctionId))) continue;
                during.Add(call);
                if (call.Answer is null) violations.Add(Unanswered(bid.AuctionId, call));
            }
        }

        return during.Count == 0
            ? null
            : new Bystanders(during.Count, during.Count(c => c.Answer is not null), P99(during), P99(quiet))
            {
                Violations = violations,
            };
    }

    private static Violation Unanswered(Guid auctionId, BidCall call) => new(
        "I10", auctionId.ToString(), null,
        $"a call at {call.BeganUs / 1e6:0.000} s, while only rows of other auctions were locked, ended after "
        + $"{(call.EndedUs - call.BeganUs) / 1_000} ms without an answer: {call.Error}");

    private static bool Disturbs(InjectedFault fault, BidCall call) =>
        fault.BeganUs <= Math.Min(call.EndedUs, call.BeganUs + PatienceUs)
        && (fault.EndedUs == long.MaxValue || call.BeganUs < fault.EndedUs + RecoveryUs);

    private static double P99(IEnumerable<BidCall> calls)
    {
        var ms = calls.Where(c => c.Answer is not null).Select(c => (c.EndedUs - c.BeganUs) / 1_000.0).Order().ToList();
        return ms.Count == 0 ? 0 : Math.Round(ms[(int)((ms.Count - 1) * 0.99)], 1);
    }
}
