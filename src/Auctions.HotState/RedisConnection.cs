using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;

namespace Auctions.HotState;

/// <summary>How the services connect to Redis.</summary>
public static class RedisConnection
{
    /// <summary>
    /// When the connection gives up on a command. The client checks about once a second; callers stop waiting after
    /// <see cref="HotStateOptions.CallTimeoutMs"/>.
    /// </summary>
    private const int TimeoutMs = 1_000;

    /// <summary>
    /// Connects now, or as soon as Redis is there. Until then calls fail at once instead of waiting, so that the ledger
    /// can decide. Settings in the configuration take precedence.
    /// </summary>
    /// <param name="configuration">
    /// In StackExchange.Redis' format: <c>host:port,host:port,option=value</c>.
    /// </param>
    /// <exception cref="ArgumentException">The configuration cannot be read.</exception>
    public static async Task<IConnectionMultiplexer> ConnectAsync(string configuration)
    {
        var options = ConfigurationOptions.Parse(configuration);
        options.AbortOnConnectFail = false;
        options.BacklogPolicy = BacklogPolicy.FailFast;
        options.ReconnectRetryPolicy = new JitteredRetry();
        options.AllowAdmin = true; // for INFO, which tells whether Redis was replaced or restarted
        var setsTimeout = configuration.Contains("asyncTimeout", StringComparison.OrdinalIgnoreCase);
        if (!setsTimeout) options.AsyncTimeout = TimeoutMs;
        return await ConnectionMultiplexer.ConnectAsync(options);
    }
}

/// <summary>
/// How often a process tries a Redis that is away. The client asks about once a second whether to try again, for each
/// of its two connections. About every second time it may: so ten processes together try some ten times a second, at
/// different times, and a Redis that is back is found within some seconds.
/// </summary>
internal sealed class JitteredRetry : IReconnectRetryPolicy
{
    private const int DelayMinMs = 900, DelayMaxMs = 2_900;

    /// <param name="currentRetryCount">Ignored: the first attempts are no more frequent than the later ones.</param>
    /// <param name="timeElapsedMillisecondsSinceLastRetry">Milliseconds since the last attempt.</param>
    public bool ShouldRetry(long currentRetryCount, int timeElapsedMillisecondsSinceLastRetry) =>
        timeElapsedMillisecondsSinceLastRetry >= RandomNumberGenerator.GetInt32(DelayMinMs, DelayMaxMs);
}

/// <summary>
/// One atomic operation: a Lua file in Scripts/. The header of the file documents its keys, arguments and replies.
/// </summary>
internal sealed class Script
{
    // A replica may be behind, and does not accept writes.
    private const CommandFlags OnMaster = CommandFlags.DemandMaster;

    private readonly string _text;
    private readonly byte[] _sha1;

    private Script(string text)
    {
        _text = text;
#pragma warning disable CA5350 // Redis names scripts by their SHA-1.
        _sha1 = SHA1.HashData(Encoding.UTF8.GetBytes(text));
#pragma warning restore CA5350
    }

    /// <param name="name">The name of the file without its extension.</param>
    public static Script Load(string name)
    {
        var resource = $"{typeof(Script).Namespace}.Scripts.{name}.lua";
        using var stream = typeof(Script).Assembly.GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"The assembly has no script {resource}.");
        using var reader = new StreamReader(stream);
        return new Script(reader.ReadToEnd());
    }

    /// <summary>
    /// Runs the script by its digest. A server that does not know it (new, or restarted) gets the text and keeps it.
    /// </summary>
    public async Task<RedisResult> RunAsync(IDatabaseAsync redis, RedisKey[] keys, RedisValue[] arguments)
    {
        try
        {
            return await redis.ScriptEvaluateAsync(_sha1, keys, arguments, OnMaster);
        }
        catch (RedisServerException e) when (e.Message.StartsWith("NOSCRIPT", StringComparison.Ordinal))
        {
            return await redis.ScriptEvaluateAsync(_text, keys, arguments, OnMaster | CommandFlags.NoScriptCache);
        }
    }
}
