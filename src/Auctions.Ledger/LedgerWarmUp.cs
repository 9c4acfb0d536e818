using Auctions.Core;
using Auctions.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

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

    private static readonly Terms SomeTerms = new("seller", "USD", 1, 0, 0, Increment.EbayUs, SoftClose.None, 0);

    public static IServiceCollection AddLedgerWarmUp(this IServiceCollection services) =>
        services.AddWarmUp("ledger", (provider, cancellationToken) => Task.WhenAll(
            Enumerable.Range(0, Connections).Select(_ => RunAsync(
                provider.GetRequiredService<ILedger>(), provider.GetRequiredService<LedgerPools>().Heads,
                provider.GetRequiredService<LedgerStatements>().WarmUp, cancellationToken))));

    private static async Task RunAsync(
        ILedger ledger, NpgsqlDataSource source, string statement, CancellationToken cancellationToken)
    {
        await using (var connection = await ConnectGate.OpenAsync(source, cancellationToken))
        {
            var heads = await connection.QueryAsync(
                statement, StoredHead.Read, cancellationToken, SomeTerms.Line);
            heads[0].Parse();
        }

        for (var round = 0; round < Rounds; round++)
        {
            var auctionId = Guid.CreateVersion7();
            DecidedBid[] bids = [Decide(auctionId, max: 2), Decide(auctionId, max: 0)];
            await ledger.AppendAsync(bids, fresh: [true, true], agesUs: [], cancellationToken);
            await ledger.ReadHeadAsync(auctionId, cancellationToken);
            await ledger.ReadHeadsAsync([auctionId], cancellationToken);
            await ledger.ReadRecentAnswersAsync([auctionId], 1, cancellationToken);
        }
    }

    /// <summary>A bid that the rules accept, or reject if its limit is 0. The ledger has no such auction.</summary>
    private static DecidedBid Decide(Guid auctionId, long max)
    {
        var head = new Head(
            0, Guid.CreateVersion7(), SomeTerms, AuctionState.Opened(AuctionStatus.Active, long.MaxValue),
            DecidedUs: 0);
        var bid = new Bid("warm-up", Guid.CreateVersion7(), BidKind.Proxy, "USD", 0, max);
        return DecidedBid.Decide(auctionId, head, Guid.CreateVersion7(), bid, clockUs: 1);
    }
}
