using Auctions.Platform.Hosting;

namespace Auctions.Platform.HotState;

/// <summary>How long Redis remembers.</summary>
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

    public IEnumerable<string> Failures()
    {
        if (IdempotencyTtl < Least || IdempotencyTtl > Most)
            yield return $"{Section}:{nameof(IdempotencyTtl)} must be 1 s to 365 days, and is {IdempotencyTtl}.";
        if (IdleTtl < Least || IdleTtl > Most)
            yield return $"{Section}:{nameof(IdleTtl)} must be 1 s to 365 days, and is {IdleTtl}.";
    }
}
