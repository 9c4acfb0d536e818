using Auctions.HotState;
using StackExchange.Redis;

namespace Auctions.Ctl.Verify;

/// <summary>What Redis holds of an auction, read at one moment.</summary>
/// <param name="Hash">Its fields; empty where Redis does not hold it.</param>
/// <param name="Pending">Version to line: decided, and not known to be in the ledger.</param>
public sealed record RedisCopy(IReadOnlyDictionary<string, string> Hash, IReadOnlyList<(long Version, string Line)> Pending)
{
    /// <summary>What Redis took to be the last entry: it moves with every decision.</summary>
    public (string? Version, string? Head) Position => (Hash.GetValueOrDefault("version"), Hash.GetValueOrDefault("head"));

    public static async Task<RedisCopy> ReadAsync(IDatabase redis, Guid auctionId)
    {
        // One MULTI: what is pending belongs to the head that is read with it.
        var transaction = redis.CreateTransaction();
        var keys = new HotKeys(auctionId);
        var hash = transaction.HashGetAllAsync(keys.Auction);
        var pending = transaction.HashGetAllAsync(keys.Pending);
        await transaction.ExecuteAsync().ConfigureAwait(false);
        return new RedisCopy(
            (await hash.ConfigureAwait(false)).ToDictionary(field => field.Name.ToString(), field => field.Value.ToString(), StringComparer.Ordinal),
            [.. (await pending.ConfigureAwait(false)).Select(entry => (long.TryParse(entry.Name.ToString(), out var v) ? v : -1, entry.Value.ToString())).OrderBy(entry => entry.Item1)]);
    }

    /// <summary>Where it differs from the ledger's row, as <c>field: Redis' value, the ledger's</c>. None where Redis does not hold it.</summary>
    public IEnumerable<string> DifferencesFrom(LedgerHead row) => Hash.Count == 0
        ? []
        : row.AsHash().Where(ledger => Hash.GetValueOrDefault(ledger.Field) != ledger.Value)
            .Select(ledger => $"{ledger.Field}: '{Hash.GetValueOrDefault(ledger.Field, "(none)")}', the ledger has '{ledger.Value}'");
}
