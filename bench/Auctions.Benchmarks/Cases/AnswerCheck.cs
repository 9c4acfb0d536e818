using System.Globalization;
using Auctions.Benchmarks.Load;
using Auctions.Core;
using Npgsql;

namespace Auctions.Benchmarks.Cases;

/// <summary>Every answer that a run's callers got must be in the table, once, and as it was given.</summary>
internal sealed class AnswerCheck(NpgsqlDataSource postgres)
{
    private const string Ours = "select key, outcome from ledger where auction_id = any($1) and key is not null";
    private const string Peers = "select key, outcome from peer.bids where auction_id = any($1)";

    public async Task<Correctness> RunAsync(LoadOutcome outcome, Field field, bool ours, CancellationToken cancellationToken)
    {
        var recorded = outcome.Sources.Select(s => new Answer[s.Answers.Count]).ToArray();
        var different = 0L;
        await using var command = postgres.CreateCommand(ours ? Ours : Peers);
        command.CommandTimeout = 300;
        command.Parameters.AddWithValue(field.Auctions.ToArray());
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
            {
                var key = rows.GetGuid(0).ToString();
                if (key[..8] != LoadOutcome.KeyPrefix(outcome.RunNumber, 0)[..8]) continue; // an earlier round's, or the first touch
                var connection = int.Parse(key.AsSpan(9, 4), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                ref var answer = ref recorded[connection][long.Parse(key.AsSpan(24), NumberStyles.HexNumber, CultureInfo.InvariantCulture)];
                if (answer != Answer.None) different++;
                answer = AnswerOf(rows.GetString(1));
            }
        }

        var (looked, missing) = (0L, 0L);
        for (var c = 0; c < recorded.Length; c++)
        {
            var given = outcome.Sources[c].Answers;
            for (var i = 0; i < given.Count; i++)
            {
                if (given[i] is Answer.None or Answer.Error) continue; // nothing is known of it
                looked++;
                if (recorded[c][i] == Answer.None) missing++;
                else if (recorded[c][i] != given[i]) different++;
            }
        }

        return new Correctness(looked, missing, different, outcome.Contradictions, 0, []);
    }

    private static Answer AnswerOf(string outcome) => EnumText.Parse<BidOutcome>(outcome) switch
    {
        BidOutcome.Leading => Answer.Leading,
        BidOutcome.Outbid => Answer.Outbid,
        _ => Answer.Rejected,
    };
}
