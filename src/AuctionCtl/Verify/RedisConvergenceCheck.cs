using System.Globalization;
using Auctions.HotState;
using Auctions.Ledger;
using StackExchange.Redis;

namespace Auctions.Ctl.Verify;

/// <summary>
/// I6: at rest, Redis' head equals the ledger's. During bidding, Redis runs ahead of the ledger. After a change by
/// another path, Redis is behind until it learns of the change. So an auction that differs is compared again, until
/// both agree, or Redis no longer has it, or Redis' head has stood still for the whole rest time, which is a
/// violation. If the head still moves after twice the rest time, the auction is busy, and the check lets it go.
/// <para>Concurrency: a page is compared in parallel; auctions that differ are compared again one by one.</para>
/// <para>Lifecycle: <see cref="CompareAsync"/> for each page, then one <see cref="AwaitConvergenceAsync"/>.</para>
/// <para>Invariants: only a difference that outlasts the rest time is reported.</para>
/// <para>Bounds: an auction stays for at most twice the rest time; a round starts every 100 ms at most.</para>
/// </summary>
/// <param name="rest">How long Redis may stand still and differ before this is a violation.</param>
public sealed class RedisConvergenceCheck(
    LedgerHistory history, IDatabase redis, TimeSpan rest, TimeProvider timeProvider)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private readonly List<Divergence> _diverging = [];

    /// <summary>How many auctions differed and still have to be compared again.</summary>
    public int Diverging => _diverging.Count;

    /// <summary>Compares auctions, whose heads have just been read, for the first time.</summary>
    public async Task CompareAsync(IReadOnlyList<StoredHead> heads)
    {
        var copies = await Task.WhenAll(heads.Select(head => RedisAuction.ReadAsync(redis, head.AuctionId)));
        foreach (var (head, copy) in heads.Zip(copies))
        {
            if (copy.DifferencesFrom(head).Any())
                _diverging.Add(new Divergence(head.AuctionId, copy.Position, timeProvider.GetTimestamp()));
        }
    }

    /// <summary>Compares the auctions that differed again, until each is settled.</summary>
    public async Task<IReadOnlyList<Violation>> AwaitConvergenceAsync(CancellationToken cancellationToken)
    {
        var violations = new List<Violation>();
        while (_diverging.Count > 0)
        {
            foreach (var divergence in _diverging.ToList())
            {
                if (await IsSettledAsync(divergence, violations, cancellationToken)) _diverging.Remove(divergence);
            }

            if (_diverging.Count > 0) await Task.Delay(Pause, timeProvider, cancellationToken);
        }

        return violations;
    }

    private async Task<bool> IsSettledAsync(
        Divergence divergence, List<Violation> violations, CancellationToken cancellationToken)
    {
        var copy = await RedisAuction.ReadAsync(redis, divergence.Id);
        var heads = await history.ReadHeadsAsync([divergence.Id], cancellationToken);
        if (heads is not [var (head, _)]) return true; // deleted meanwhile
        var differences = copy.DifferencesFrom(head).ToList();
        if (differences.Count == 0) return true;

        var now = timeProvider.GetTimestamp();
        if (copy.Position != divergence.Position) (divergence.Position, divergence.StillSince) = (copy.Position, now);
        if (timeProvider.GetElapsedTime(divergence.StillSince, now) < rest)
            return timeProvider.GetElapsedTime(divergence.FirstSeen, now) >= 2 * rest;
        violations.AddRange(differences.Select(difference => new Violation(
            "I6", divergence.Id.ToString(), head.Version,
            $"Redis has differed for {rest.TotalSeconds:0.#} s: {difference}")));
        return true;
    }

    /// <summary>An auction whose Redis head differs from the ledger's.</summary>
    private sealed class Divergence(Guid id, (string? Version, string? Head) position, long firstSeen)
    {
        public Guid Id { get; } = id;

        /// <summary>A timestamp of the time provider, as <see cref="StillSince"/>.</summary>
        public long FirstSeen { get; } = firstSeen;

        public (string? Version, string? Head) Position { get; set; } = position;

        /// <summary>Since when Redis' head has been at <see cref="Position"/>.</summary>
        public long StillSince { get; set; } = firstSeen;
    }
}

/// <summary>What Redis holds of an auction, read at one moment.</summary>
/// <param name="Hash">The fields of its hash; empty if Redis does not hold it.</param>
/// <param name="Pending">Pending entries by version: decided, and perhaps not in the ledger yet.</param>
public sealed record RedisAuction(
    IReadOnlyDictionary<string, string> Hash, IReadOnlyList<(long Version, string Line)> Pending)
{
    /// <summary>The last entry that Redis knows. It changes with every decision.</summary>
    public (string? Version, string? Head) Position =>
        (Hash.GetValueOrDefault("version"), Hash.GetValueOrDefault("head"));

    public static async Task<RedisAuction> ReadAsync(IDatabase redis, Guid auctionId)
    {
        // In one MULTI, so that the pending entries belong to the head.
        var transaction = redis.CreateTransaction();
        var keys = new HotKeys(auctionId);
        var hash = transaction.HashGetAllAsync(keys.Auction);
        var pending = transaction.HashGetAllAsync(keys.Pending);
        await transaction.ExecuteAsync();
        return new RedisAuction(
            (await hash).ToDictionary(
                field => field.Name.ToString(), field => field.Value.ToString(), StringComparer.Ordinal),
            [.. (await pending).Select(PendingLine).OrderBy(entry => entry.Version)]);

        static (long Version, string Line) PendingLine(HashEntry entry) =>
            (long.TryParse(entry.Name.ToString(), out var version) ? version : -1, entry.Value.ToString());
    }

    /// <summary>The fields that the hash must have if Redis holds the auction.</summary>
    public static IReadOnlyList<(string Field, string Value)> FieldsOf(StoredHead head)
    {
        var state = head.State;
        return
        [
            ("version", Digits(head.Version)), ("head", head.EntryId.ToString()), ("status", state.Status),
            ("price", Digits(state.Price)), ("ceiling", Digits(state.Ceiling)), ("leader", state.Leader),
            ("end_us", Digits(state.EndUs)), ("extensions", Digits(state.Extensions)),
            ("bid_count", Digits(state.BidCount)), ("terms", head.TermsLine),
            ("decided_us", Digits(head.DecidedUs)),
        ];

        static string Digits(long number) => number.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>
    /// Each field that differs from the ledger's head, and a pending entry above that head. No field differs if Redis
    /// does not hold the auction.
    /// </summary>
    public IEnumerable<string> DifferencesFrom(StoredHead head)
    {
        foreach (var (field, inLedger) in Hash.Count > 0 ? FieldsOf(head) : [])
        {
            var inRedis = Hash.GetValueOrDefault(field);
            if (inRedis != inLedger) yield return $"{field} is '{inRedis ?? "(none)"}', in the ledger '{inLedger}'";
        }

        foreach (var (version, _) in Pending.Where(entry => entry.Version > head.Version).Take(1))
            yield return $"version {version} is pending, and the ledger is at {head.Version}";
    }
}
