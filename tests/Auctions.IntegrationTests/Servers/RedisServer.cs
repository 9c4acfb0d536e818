using System.Net.Sockets;
using Auctions.HotState;

namespace Auctions.IntegrationTests.Servers;

/// <summary>A private Redis with an append-only file written every second, as in production.</summary>
public sealed class RedisServer : IAsyncLifetime
{
    private const int SigTerm = 15;
    private const int PatientTimeoutMs = 30_000;

    private readonly string _dir = Directory.CreateTempSubdirectory("auctions-redis-").FullName;
    private ServerProcess? _server;

    public int Port { get; private set; }

    /// <summary>More arguments of its command line.</summary>
    public string[] MoreArguments { get; init; } = [];

    /// <summary><c>host:port</c>, as StackExchange.Redis reads it.</summary>
    public string Configuration => $"127.0.0.1:{Port}";

    /// <summary>The same, with a timeout for a busy machine. It is longer than that of a service.</summary>
    public string PatientConfiguration => $"{Configuration},asyncTimeout={PatientTimeoutMs}";

    /// <summary>The settings of a service with this timeout.</summary>
    public string[] PatientSettings =>
        [$"--Redis:Configuration={PatientConfiguration}", $"--HotState:CallTimeoutMs={PatientTimeoutMs}"];

    /// <summary>Options with this timeout.</summary>
    public static HotStateOptions PatientOptions => new() { CallTimeoutMs = PatientTimeoutMs };

    public ServerProcess Process => _server ?? throw new InvalidOperationException("Redis is not running.");

    /// <summary>Starts again after <see cref="ServerProcess.KillAsync"/>: same data, same port.</summary>
    public async Task StartAsync() =>
        _server = await ServerProcess.StartAsync(
            [
                "redis-server", "--port", $"{Port}", "--bind", "127.0.0.1", "--dir", _dir, "--save", "",
                "--appendonly", "yes", "--appendfsync", "everysec", .. MoreArguments,
            ],
            Path.Combine(_dir, "log"),
            PingAsync);

    public async Task InitializeAsync()
    {
        Port = ServerProcess.FreePort();
        await StartAsync();
    }

    public async Task DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.StopAsync(SigTerm);
            await _server.DisposeAsync();
        }

        Directory.Delete(_dir, recursive: true);
    }

    /// <summary>While Redis loads its file, it answers with an error and not with PONG.</summary>
    private async Task PingAsync()
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", Port);
        using var stream = socket.GetStream();
        await stream.WriteAsync("PING\r\n"u8.ToArray());
        using var reader = new StreamReader(stream);
        var answer = await reader.ReadLineAsync();
        if (answer != "+PONG") throw new IOException($"Redis is not ready: {answer}");
    }
}
