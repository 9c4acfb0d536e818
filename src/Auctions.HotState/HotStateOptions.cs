using Auctions.Core;
using Auctions.Hosting;

namespace Auctions.HotState;

/// <summary>How long Redis remembers, how long it is waited for, and how fast a bidder may bid.</summary>
public sealed class HotStateOptions : ISectionOptions
{
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(1), Most = TimeSpan.FromDays(365);

    public static string Section => "HotState";

    /// <summary>
    /// How long the answer to an idempotency key is at hand, 1 s to 365 days. Nothing hangs on it but time: the ledger remembers every answer.
    /// </summary>
    public TimeSpan IdempotencyTtl { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How long after its last bid an auction stays, 1 s to 365 days. The next bid brings it back from the ledger.</summary>
    public TimeSpan IdleTtl { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Bids of one bidder on one auction that are decided within <see cref="VelocityWindow"/>. 0 to 100; 0 = no limit.</summary>
    public int VelocityBidsMax { get; set; } = 10;

    /// <summary>1 s to 1 hour.</summary>
    public TimeSpan VelocityWindow { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Milliseconds that a call to Redis may take: past them the bid is decided without. 10 to 60,000.</summary>
    public int CallTimeoutMs { get; set; } = 600;

    /// <summary>
    /// Auctions whose terms a service remembers, so that replies need not repeat them. 1 to 100,000,000; some 700 bytes each. Above as many
    /// as have bids at a time, for a decision with terms costs the service some 40 us more.
    /// </summary>
    public int KnownTermsMax { get; set; } = 200_000;

    public VelocityLimit Velocity => new(VelocityBidsMax, (long)VelocityWindow.TotalMicroseconds);

    public IEnumerable<string> Failures()
    {
        if (IdempotencyTtl < Least || IdempotencyTtl > Most)
            yield return $"{Section}:{nameof(IdempotencyTtl)} must be 1 s to 365 days, and is {IdempotencyTtl}.";
        if (IdleTtl < Least || IdleTtl > Most)
            yield return $"{Section}:{nameof(IdleTtl)} must be 1 s to 365 days, and is {IdleTtl}.";
        if (CallTimeoutMs is < 10 or > 60_000)
            yield return $"{Section}:{nameof(CallTimeoutMs)} must be 10 to 60000, and is {CallTimeoutMs}.";
        if (KnownTermsMax is < 1 or > 100_000_000)
            yield return $"{Section}:{nameof(KnownTermsMax)} must be 1 to 100000000, and is {KnownTermsMax}.";
        if (VelocityBidsMax is < 0 or > 100)
            yield return $"{Section}:{nameof(VelocityBidsMax)} must be 0 (no limit) to 100, and is {VelocityBidsMax}.";
        if (VelocityWindow < Least || VelocityWindow > TimeSpan.FromHours(1))
            yield return $"{Section}:{nameof(VelocityWindow)} must be 1 s to 1 hour, and is {VelocityWindow}.";
    }
}
