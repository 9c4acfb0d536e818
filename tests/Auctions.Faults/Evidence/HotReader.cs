using StackExchange.Redis;

namespace Auctions.Faults.Evidence;

/// <summary>Reads what Redis holds of auctions.</summary>
internal static class HotReader
{
    /// <param name="address">Of the primary, host:port.</param>
    /// <exception cref="RedisException">It does not answer.</exception>
    public static async Task<Dictionary<Guid, HotCopy>> ReadAsync(string address, IEnumerable<Guid> auctions)
    {
        await using var connection = await ConnectionMultiplexer.ConnectAsync(address);
        var redis = connection.GetDatabase();
        var reads = auctions.Select(id => (Id: id, Copy: ReadAsync(redis, id))).ToList();
        await Task.WhenAll(reads.Select(read => read.Copy));
        return reads.ToDictionary(read => read.Id, read => read.Copy.Result);
    }

    private static async Task<HotCopy> ReadAsync(IDatabase redis, Guid id)
    {
        var key = $"auction:{{{id}}}";
        var both = redis.CreateTransaction(); // what is pending belongs to the head that is read with it
        var hash = both.HashGetAllAsync(key);
        var pending = both.HashKeysAsync(key + ":pending");
        await both.ExecuteAsync();
        return new HotCopy(
            (await hash).ToDictionary(f => f.Name.ToString(), f => f.Value.ToString(), StringComparer.Ordinal),
            [.. (await pending).Select(v => long.Parse(v.ToString(), System.Globalization.CultureInfo.InvariantCulture))]);
    }
}
