using System.Net.Sockets;
using System.Text;
using DevStack.Supervision;

namespace DevStack.Servers;

/// <summary>A private Redis: the system's program, a data directory and a port of its own.</summary>
/// <param name="name">Of its part, its endpoint and its data directory.</param>
public sealed class Redis(RunDirectory run, string name = "redis")
{
    public string Name => name;

    /// <param name="settings">Names and values for redis.conf.</param>
    public Launch Launch(IReadOnlyDictionary<string, string> settings) => new(
    [
        "redis-server", "--port", $"{run.Endpoints.Port(name)}", "--bind", "127.0.0.1", "--protected-mode", "yes",
        "--dir", run.DataDirectory(name), .. settings.SelectMany(s => (string[])[$"--{s.Key}", s.Value]),
    ]);

    public Task PrepareAsync(CancellationToken _)
    {
        Directory.CreateDirectory(run.DataDirectory(name));
        return Task.CompletedTask;
    }

    /// <summary>Whether it has loaded its data: until then it answers a PING with -LOADING.</summary>
    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", run.Endpoints.Port(name), cancellationToken);
        await client.GetStream().WriteAsync("PING\r\n"u8.ToArray(), cancellationToken);
        var answer = new byte[64];
        var length = await client.GetStream().ReadAsync(answer, cancellationToken);
        return Encoding.ASCII.GetString(answer, 0, length) == "+PONG\r\n";
    }
}
