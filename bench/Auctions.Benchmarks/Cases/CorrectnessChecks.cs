using System.Globalization;
using Auctions.Benchmarks.Load;
using Auctions.Core;
using Auctions.Ctl.Verify;
using Auctions.Ledger;
using Auctions.Peers.Designs;
using Npgsql;

namespace Auctions.Benchmarks.Cases;

/// <summary>
/// The result of the checks after a run. Any fault makes the figures worthless.
/// </summary>
/// <param name="Checked">Answers looked up in the tables.</param>
/// <param name="Missing">Answers that are not in the tables.</param>
/// <param name="Different">Answers that are in the tables with another outcome, or twice.</param>
/// <param name="Contradictions">Duplicates that did not get the first answer.</param>
/// <param name="ChainsChecked">Auctions whose whole history was decided again by the rules.</param>
/// <param name="ChainFaults">
/// Where deciding again gave another result, or the head is not the state after the last bid.
/// </param>
internal sealed record Correctness(
    long Checked, long Missing, long Different, long Contradictions, long ChainsChecked,
    IReadOnlyList<string> ChainFaults)
{
    public bool IsClean => Missing == 0 && Different == 0 && Contradictions == 0 && ChainFaults.Count == 0;

    public static Correctness operator +(Correctness a, Correctness b) => new(
        a.Checked + b.Checked, a.Missing + b.Missing, a.Different + b.Different, a.Contradictions + b.Contradictions,
        a.ChainsChecked + b.ChainsChecked, [.. a.ChainFaults, .. b.ChainFaults]);
}

/// <summary>Every answer that a run's callers got must be in the table, once, with the same outcome.</summary>
internal sealed class AnswerCheck(NpgsqlDataSource postgres)
{
    private const string Ours = "select key, outcome from ledger where auction_id = any($1) and key is not null";
    private const string Peers = "select key, outcome from peer.bids where auction_id = any($1)";

    public async Task<Correctness> RunAsync(
        LoadOutcome outcome, AuctionSet auctions, bool ours, CancellationToken cancellationToken)
    {
        var (recorded, twice) = await ReadRecordedAsync(outcome, auctions, ours, cancellationToken);
        var (looked, missing, different) = (0L, 0L, twice);
        for (var c = 0; c < recorded.Length; c++)
        {
            var given = outcome.Sources[c].Answers;
            for (var i = 0; i < given.Count; i++)
            {
                if (given[i] is Answer.None or Answer.Error) continue; // the outcome is unknown
                looked++;
                if (recorded[c][i] == Answer.None) missing++;
                else if (recorded[c][i] != given[i]) different++;
            }
        }

        return new Correctness(looked, missing, different, outcome.Contradictions, 0, []);
    }

    /// <returns>The recorded answers by connection and key number, and how many rows had a key again.</returns>
    private async Task<(Answer[][] Recorded, long Twice)> ReadRecordedAsync(
        LoadOutcome outcome, AuctionSet auctions, bool ours, CancellationToken cancellationToken)
    {
        var recorded = outcome.Sources.Select(s => new Answer[s.Answers.Count]).ToArray();
        var twice = 0L;
        await using var command = postgres.CreateCommand(ours ? Ours : Peers);
        command.CommandTimeout = 300;
        command.Parameters.AddWithValue(auctions.Ids.ToArray());
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        while (await rows.ReadAsync(cancellationToken))
        {
            var key = rows.GetGuid(0).ToString();
            // Keys of an earlier round, and of the first touch, have another run number.
            if (key[..8] != LoadOutcome.KeyPrefix(outcome.RunNumber, 0)[..8]) continue;
            var connection = int.Parse(key.AsSpan(9, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            var number = long.Parse(key.AsSpan(24), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            ref var answer = ref recorded[connection][number];
            if (answer != Answer.None) twice++;
            answer = AnswerOf(rows.GetString(1));
        }

        return (recorded, twice);
    }

    private static Answer AnswerOf(string outcome) => EnumText.Parse<BidOutcome>(outcome) switch
    {
        BidOutcome.Leading => Answer.Leading,
        BidOutcome.Outbid => Answer.Outbid,
        _ => Answer.Rejected,
    };
}

/// <summary>
/// Decides each bid of a sample of auctions again by the rules. Every state, and the head, must be the same.
/// </summary>
internal sealed class ChainCheck(NpgsqlDataSource postgres)
{
    private const int FaultsMax = 10;
    private readonly LedgerHistory _history = new(LedgerPools.Of(postgres), new LedgerStatements());

    public async Task<Correctness> RunAsync(
        IReadOnlyList<Guid> auctions, bool ours, CancellationToken cancellationToken)
    {
        var faults = new List<string>();
        foreach (var id in auctions)
        {
            if (ours) await CheckOursAsync(id, faults, cancellationToken);
            else await CheckPeerAsync(id, faults, cancellationToken);
        }

        return new Correctness(0, 0, 0, 0, auctions.Count, [.. faults.Take(FaultsMax)]);
    }

    /// <summary>The same check as <c>auctionctl verify</c>.</summary>
    private async Task CheckOursAsync(Guid id, List<string> faults, CancellationToken cancellationToken)
    {
        var found = await _history.AuditAsync(
            [id], auction => faults.AddRange(AuctionCheck.Of(auction).Select(v => v.ToString())), cancellationToken);
        if (found == 0) faults.Add($"{id}: there is no such auction");
    }

    private async Task CheckPeerAsync(Guid id, List<string> faults, CancellationToken cancellationToken)
    {
        Terms terms;
        AuctionState head;
        await using (var rows = await ReadAsync(
            "select terms, status, price, ceiling, leader, end_us, extensions, bid_count from peer.auctions "
            + "where id = $1", id, cancellationToken))
        {
            await rows.ReadAsync(cancellationToken);
            (terms, head) = (Terms.Parse(rows.GetString(0)), BidRows.ReadState(rows, 1));
        }

        var state = AuctionState.Opened(AuctionStatus.Active, head.EndUs);
        // A rejection was decided on the state after the accepted bid of its version, so it comes after that bid.
        await using (var rows = await ReadAsync(
            $"select {BidRows.Columns} from peer.bids where auction_id = $1 order by version, outcome = 'refused'",
            id, cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
            {
                var bid = BidRows.ReadBid(rows, 0);
                var decision = Rules.Decide(terms, state, bid.Bid, bid.DecidedUs);
                if (decision != new Decision(bid.Outcome, bid.Reason, bid.After))
                    faults.Add($"{id}: on {state} the rules decide {decision}, but the table has {bid}");
                state = bid.After;
            }
        }

        if (state != head) faults.Add($"{id}: the head is {head}, but the last bid left {state}");
    }

    private async Task<NpgsqlDataReader> ReadAsync(string sql, Guid id, CancellationToken cancellationToken)
    {
        var command = postgres.CreateCommand(sql);
        command.CommandTimeout = 300;
        command.Parameters.AddWithValue(id);
        return await command.ExecuteReaderAsync(cancellationToken);
    }
}
