using Auctions.Core;
using Auctions.Ctl.Verify;
using Auctions.Peers.Designs;
using Npgsql;

namespace Auctions.Benchmarks.Cases;

/// <summary>A sample of auctions, each bid of which is decided once more by the rules: every state, and the head, must come to the same.</summary>
internal sealed class ChainCheck(NpgsqlDataSource postgres)
{
    private const int FaultsMax = 10;

    public Task<Correctness> RunAsync(IReadOnlyList<Guid> auctions, bool ours, CancellationToken cancellationToken) =>
        ours ? OursAsync(auctions, cancellationToken) : PeersAsync(auctions, cancellationToken);

    /// <summary>As <c>auctionctl verify</c> does.</summary>
    private async Task<Correctness> OursAsync(IReadOnlyList<Guid> auctions, CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        foreach (var id in auctions)
        {
            LedgerHead head;
            await using (var rows = await ReadAsync($"select {LedgerHead.Columns} from auctions where id = $1", id, cancellationToken))
            {
                await rows.ReadAsync(cancellationToken);
                head = LedgerHead.Read(rows);
            }

            var records = new AuctionRecords();
            await using (var rows = await ReadAsync($"select {AuctionRecords.Columns} from ledger where auction_id = $1 order by version nulls last", id, cancellationToken))
                while (await rows.ReadAsync(cancellationToken)) records.Add(rows);
            faults.AddRange(AuctionCheck.Of(head, records).Select(v => v.ToString()));
        }

        return Found(auctions, faults);
    }

    private async Task<Correctness> PeersAsync(IReadOnlyList<Guid> auctions, CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        foreach (var id in auctions)
        {
            Terms terms;
            AuctionState head;
            await using (var rows = await ReadAsync(
                "select terms, status, price, ceiling, leader, end_us, extensions, bid_count from peer.auctions where id = $1", id, cancellationToken))
            {
                await rows.ReadAsync(cancellationToken);
                (terms, head) = (Terms.Parse(rows.GetString(0)), BidRows.ReadState(rows, 1));
            }

            var state = AuctionState.Opened(AuctionStatus.Active, head.EndUs);
            // Refusals rest on the state that the bid of their version left.
            await using (var rows = await ReadAsync(
                $"select {BidRows.Columns} from peer.bids where auction_id = $1 order by version, outcome = 'refused'", id, cancellationToken))
            {
                while (await rows.ReadAsync(cancellationToken))
                {
                    var bid = BidRows.ReadBid(rows, 0);
                    var decision = Rules.Decide(terms, state, bid.Bid, bid.DecidedUs);
                    if (decision != new Decision(bid.Outcome, bid.Reason, bid.After)) faults.Add($"{id}: {bid} is not what the rules make of {state}");
                    state = bid.After;
                }
            }

            if (state != head) faults.Add($"{id}: the head is {head}, and the last bid left {state}");
        }

        return Found(auctions, faults);
    }

    private async Task<NpgsqlDataReader> ReadAsync(string sql, Guid id, CancellationToken cancellationToken)
    {
        var command = postgres.CreateCommand(sql);
        command.CommandTimeout = 300;
        command.Parameters.AddWithValue(id);
        return await command.ExecuteReaderAsync(cancellationToken);
    }

    private static Correctness Found(IReadOnlyList<Guid> auctions, List<string> faults) =>
        new(0, 0, 0, 0, auctions.Count, [.. faults.Take(FaultsMax)]);
}
