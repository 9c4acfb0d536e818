using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;

namespace Auctions.HotState;

/// <summary>One atomic operation: a Lua file of Scripts/, which names its keys, arguments and replies at its head.</summary>
internal sealed class Script
{
    // A replica may be behind, and can be written to by nobody.
    private const CommandFlags OnMaster = CommandFlags.DemandMaster;

    private readonly string _text;
    private readonly byte[] _sha1;

    private Script(string text)
    {
        _text = text;
#pragma warning disable CA5350 // Redis names scripts by SHA-1.
        _sha1 = SHA1.HashData(Encoding.UTF8.GetBytes(text));
#pragma warning restore CA5350
    }

    /// <param name="name">The file's, without its extension.</param>
    public static Script Load(string name)
    {
        var resource = $"{typeof(Script).Namespace}.Scripts.{name}.lua";
        using var stream = typeof(Script).Assembly.GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"The assembly holds no script {resource}.");
        using var reader = new StreamReader(stream);
        return new Script(reader.ReadToEnd());
    }

    /// <summary>Runs it by its digest; a server that does not know it yet, or after a restart no more, gets the text, and keeps it.</summary>
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
