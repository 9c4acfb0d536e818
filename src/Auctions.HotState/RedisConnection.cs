using StackExchange.Redis;

namespace Auctions.HotState;

/// <summary>How the services connect to Redis.</summary>
public static class RedisConnection
{
    /// <summary>When the connection gives up a command. Looked at about once a second; callers are let go by <see cref="HotStateOptions.CallTimeoutMs"/>.</summary>
    private const int TimeoutMs = 1_000;

    /// <summary>
    /// Connects, now or as soon as Redis is there. While it is not, calls fail at once instead of waiting for it: the ledger
    /// decides meanwhile. What the configuration sets itself is kept.
    /// </summary>
    /// <param name="configuration">As StackExchange.Redis reads it: <c>host:port,host:port,option=value</c>.</param>
    /// <exception cref="ArgumentException">It cannot be read.</exception>
    public static async Task<IConnectionMultiplexer> ConnectAsync(string configuration)
    {
        var options = ConfigurationOptions.Parse(configuration);
        options.AbortOnConnectFail = false;
        options.BacklogPolicy = BacklogPolicy.FailFast;
        options.AllowAdmin = true; // INFO, which tells whether this is the same server as before, counts as administration
        if (!configuration.Contains("asyncTimeout", StringComparison.OrdinalIgnoreCase)) options.AsyncTimeout = TimeoutMs;
        return await ConnectionMultiplexer.ConnectAsync(options);
    }
}
