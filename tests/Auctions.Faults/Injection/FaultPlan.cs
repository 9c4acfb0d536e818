namespace Auctions.Faults.Injection;

/// <summary>A fault to come.</summary>
/// <param name="At">Since the run's start.</param>
/// <param name="Lasts">How long it is left broken; restarting comes on top.</param>
/// <param name="Instance">Of BiddingService, where it is about one: 0 or 1.</param>
/// <param name="Variant">0 to 1, for what a kind has of its own to choose.</param>
public sealed record PlannedFault(TimeSpan At, FaultKind Kind, TimeSpan Lasts, int Instance, double Variant);

/// <summary>What a seed breaks, and when. Every kind comes before any comes again; several last at once.</summary>
public static class FaultPlan
{
    private static readonly FaultKind[] Kinds = [.. Enum.GetValues<FaultKind>().Where(kind => kind != FaultKind.Outside)];
    private static readonly TimeSpan Before = TimeSpan.FromSeconds(1.5), After = TimeSpan.FromSeconds(1);

    /// <param name="length">Of the run: the first fault comes shortly after its start, the last shortly before its end.</param>
    public static IReadOnlyList<PlannedFault> Of(int seed, TimeSpan length)
    {
        var random = new Random(seed);
        var plan = new List<PlannedFault>();
        var deck = new Queue<FaultKind>();
        for (var at = Before; at < length - After; at += TimeSpan.FromSeconds(0.5 + 2.5 * random.NextDouble()))
        {
            if (deck.Count == 0)
            {
                var shuffled = (FaultKind[])Kinds.Clone();
                random.Shuffle(shuffled);
                deck = new Queue<FaultKind>(shuffled);
            }

            plan.Add(new PlannedFault(at, deck.Dequeue(), TimeSpan.FromSeconds(0.2 + 3.3 * random.NextDouble()), random.Next(2), random.NextDouble()));
        }

        return plan;
    }
}
