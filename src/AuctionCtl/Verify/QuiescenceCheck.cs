using Npgsql;
using StackExchange.Redis;

namespace Auctions.Ctl.Verify;

/// <summary>
/// I6: at rest Redis' head is the ledger's. While bids come, Redis runs ahead of the ledger, and is behind it for the moment in
/// which a change by another path gets noticed. So what differs is looked at again until it agrees, or Redis no longer holds
/// it; it is broken once Redis has stood still all through the time of rest, and at work if it has not in twice that time.
/// </summary>
/// <param name="rest">How long a difference may stay while Redis stands still.</param>
public sealed class QuiescenceCheck(NpgsqlDataSource postgres, IDatabase redis, TimeSpan rest, TimeProvider timeProvider)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private readonly List<Suspect> _suspects = [];

    /// <summary>How many auctions differed and are not settled yet.</summary>
    public int Suspects => _suspects.Count;

    /// <summary>A first look, at auctions whose rows were just read.</summary>
    public async Task LookAsync(IReadOnlyList<LedgerHead> rows)
    {
        var heads = await Task.WhenAll(rows.Select(row => RedisCopy.ReadAsync(redis, row.Id))).ConfigureAwait(false);
        foreach (var (row, head) in rows.Zip(heads))
        {
            if (Differences(head, row).Any()) _suspects.Add(new Suspect(row.Id, head.Position, timeProvider.GetTimestamp()));
        }
    }

    /// <summary>Looks again at what differed, until all of it is settled.</summary>
    /// <returns>What stayed different.</returns>
    public async Task<IReadOnlyList<Violation>> RemovePendingAsync(CancellationToken cancellationToken)
    {
        var broken = new List<Violation>();
        while (_suspects.Count > 0)
        {
            foreach (var suspect in _suspects.ToList())
            {
                if (await LookAgainAsync(suspect, broken, cancellationToken).ConfigureAwait(false)) _suspects.Remove(suspect);
            }

            if (_suspects.Count > 0) await Task.Delay(Pause, timeProvider, cancellationToken).ConfigureAwait(false);
        }

        return broken;
    }

    /// <returns>Whether it is settled, one way or the other.</returns>
    private async Task<bool> LookAgainAsync(Suspect suspect, List<Violation> broken, CancellationToken cancellationToken)
    {
        var head = await RedisCopy.ReadAsync(redis, suspect.Id).ConfigureAwait(false);
        await using var command = postgres.CreateCommand($"select {LedgerHead.Columns} from auctions where id = $1");
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = suspect.Id });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        if (!await reader.ReadAsync(cancellationToken).ConfigureAwait(false)) return true; // gone: the check of the chain says so
        var row = LedgerHead.Read(reader);
        var differences = Differences(head, row).ToList();
        if (differences.Count == 0) return true;

        var now = timeProvider.GetTimestamp();
        if (head.Position != suspect.Position) (suspect.Position, suspect.Still) = (head.Position, now);
        if (timeProvider.GetElapsedTime(suspect.Still, now) < rest) return timeProvider.GetElapsedTime(suspect.First, now) >= 2 * rest;
        broken.AddRange(differences.Select(difference =>
            new Violation("I6", suspect.Id.ToString(), row.Version, $"Redis differs, for {rest.TotalSeconds:0.#} s now: {difference}")));
        return true;
    }

    /// <summary>Fields that differ, and what is pending above the ledger's head and nobody appends.</summary>
    private static IEnumerable<string> Differences(RedisCopy head, LedgerHead row) => head.DifferencesFrom(row).Concat(
        head.Pending.Where(entry => entry.Version > row.Version).Take(1)
            .Select(entry => $"version {entry.Version} is pending, and the ledger is at {row.Version}"));

    private sealed class Suspect(Guid id, (string?, string?) position, long first)
    {
        public Guid Id { get; } = id;

        /// <summary>When it was found to differ.</summary>
        public long First { get; } = first;

        /// <summary>Redis' head, and since when it has stood there.</summary>
        public (string? Version, string? Head) Position { get; set; } = position;
        public long Still { get; set; } = first;
    }
}
