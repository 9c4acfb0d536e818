using Auctions.Core;
using Auctions.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace Auctions.Ledger;

/// <summary>
/// Runs the statements of the bid path before the first bid comes. This opens connections, prepares statements and
/// makes plans. The bids are on an auction that does not exist, so the ledger appends none of them.
/// </summary>
internal static class LedgerWarmUp
{
    /// <summary>The number of connections to prepare: a commit lane uses one, a read the other.</summary>
    private const int Connections = 2;

    /// <summary>Npgsql prepares a statement at its second use; the third one runs it prepared.</summary>
    private const int Rounds = 3;

    public static IServiceCollection AddLedgerWarmUp(this IServiceCollection services) =>
        services.AddWarmUp("ledger", (provider, cancellationToken) =>
            Task.WhenAll(Enumerable.Range(0, Connections)
                .Select(_ => RunAsync(provider.GetRequiredService<ILedger>(), cancellationToken))));

    private static async Task RunAsync(ILedger ledger, CancellationToken cancellationToken)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var auctionId = Guid.CreateVersion7();
            await ledger.AppendAsync(
                [Bid(auctionId, max: 2), Bid(auctionId, max: 0)], fresh: [true, true], cancellationToken);
            await ledger.ReadHeadAsync(auctionId, cancellationToken);
            await ledger.ReadRecentAnswersAsync(auctionId, 1, cancellationToken);
        }
    }

    /// <summary>A bid that the rules accept, or reject if its limit is 0. The ledger has no such auction.</summary>
    private static DecidedBid Bid(Guid auctionId, long max)
    {
        var terms = new Terms("seller", "USD", 1, 0, 0, new Increment.Fixed(1), SoftClose.None, 0);
        var head = new Head(0, Guid.CreateVersion7(), terms, AuctionState.Opened(AuctionStatus.Active, long.MaxValue));
        var bid = new Bid("warm-up", Guid.CreateVersion7(), BidKind.Proxy, "USD", 0, max);
        return DecidedBid.Decide(auctionId, head, Guid.CreateVersion7(), bid, nowUs: 1);
    }
}
