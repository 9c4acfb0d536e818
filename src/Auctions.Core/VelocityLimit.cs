namespace Auctions.Core;

/// <summary>
/// How many bids of one bidder on one auction are decided within a time: a bound on robots, beside the rules of the auction. What is
/// refused for it alone counts as no bid, and is recorded nowhere.
/// </summary>
/// <param name="BidsMax">In any window; 0 = no limit.</param>
/// <param name="WindowUs">Microseconds.</param>
public sealed record VelocityLimit(int BidsMax, long WindowUs)
{
    /// <summary>Whether another bid is to be decided now.</summary>
    /// <param name="decidedUs">When the bidder's earlier ones were, ascending.</param>
    public bool Admits(IReadOnlyList<long> decidedUs, long nowUs) =>
        BidsMax == 0 || decidedUs.Count < BidsMax || decidedUs[^BidsMax] <= nowUs - WindowUs;
}
