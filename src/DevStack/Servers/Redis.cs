using System.Net;
using System.Net.Sockets;
using System.Text;
using DevStack.Supervision;

namespace DevStack.Servers;

/// <summary>
/// A private Redis: the system's program with a data directory and a port of its own. Clients need the password of
/// the stack's secrets. It is in a file that the server reads, and on no command line; only the owner can read that
/// file and the data.
/// </summary>
/// <param name="name">The component's name: a stack may have several servers, all with the same password.</param>
public sealed class Redis(RunDirectory run, string name)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    // A file of redis-server gets its mode from the umask. The shell executes the server in its place.
    private const string AsOwnerOnly = "umask 077; exec \"$@\"";

    private string Data => run.DataDirectory(name);

    /// <summary>The server's file, which has the password for clients and for replicas.</summary>
    private string SettingsFile => Path.Combine(Data, "redis.conf");

    /// <summary>StackExchange.Redis' configuration for an address (<c>host:port</c>), also a proxy's.</summary>
    /// <param name="address">One or more, separated by commas, and options.</param>
    public static string ConfigurationAt(RunDirectory run, string address) =>
        $"{address},password={run.Secrets.RedisPassword}";

    /// <summary>
    /// Creates the data directory, and the server's file if it is missing or has another password. The server itself
    /// may have changed the file: Sentinel makes it write whom it follows.
    /// </summary>
    /// <param name="lines">Further lines of a new file.</param>
    public async Task PrepareAsync(string lines, CancellationToken cancellationToken)
    {
        await PrepareDirectoryAsync(Data, cancellationToken);
        var password = run.Secrets.RedisPassword;
        var present = File.Exists(SettingsFile) ? await File.ReadAllTextAsync(SettingsFile, cancellationToken) : "";
        if (present.Contains(password, StringComparison.Ordinal)) return;
        await WriteForOwnerAsync(
            SettingsFile, $"requirepass {password}\nmasterauth {password}\n{lines}", cancellationToken);
    }

    /// <summary>Creates a directory, or takes it from others: one of before may be readable by them.</summary>
    public static async Task PrepareDirectoryAsync(string directory, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(directory, OwnerOnly);
        await SystemCommand.RunAsync(["chmod", "-R", "go=", directory], "", cancellationToken);
    }

    /// <summary>Writes a file that only its owner can read.</summary>
    public static async Task WriteForOwnerAsync(string file, string text, CancellationToken cancellationToken)
    {
        await using var writer = new StreamWriter(file, Encoding.ASCII, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        await writer.WriteAsync(text.AsMemory(), cancellationToken);
    }

    /// <param name="settings">Names and values for redis.conf.</param>
    public Launch Launch(IEnumerable<(string Key, string Value)> settings) => LaunchWith(
    [
        SettingsFile, "--port", $"{run.Endpoints.Port(name)}", "--bind", "127.0.0.1", "--protected-mode", "yes",
        "--dir", Data, .. settings.SelectMany(s => (string[])[$"--{s.Key}", s.Value]),
    ]);

    /// <summary>redis-server with these arguments. Only its owner can read the files that it creates.</summary>
    public static Launch LaunchWith(params string[] arguments) =>
        new(["sh", "-c", AsOwnerOnly, "sh", "redis-server", .. arguments]);

    /// <summary>Whether it has loaded its data. Before that, it answers PING with -LOADING.</summary>
    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken) =>
        await SendAsync(run, run.Endpoints[name], "PING", cancellationToken) == "+PONG\r\n";

    /// <summary>Sends one command on a connection of its own, as redis-cli does.</summary>
    /// <param name="address"><c>host:port</c>.</param>
    /// <returns>
    /// The reply in the protocol's form, up to 16 KB of it. A reply of several lines must arrive in one piece, as
    /// INFO's sections do.
    /// </returns>
    /// <exception cref="IOException">The server closed the connection, or refused the password.</exception>
    /// <exception cref="SocketException">The server does not answer.</exception>
    public static async Task<string> SendAsync(
        RunDirectory run, string address, string command, CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(address), cancellationToken);
        var stream = client.GetStream();
        var authenticated = await SendAsync($"AUTH {run.Secrets.RedisPassword}");
        if (authenticated != "+OK\r\n")
            throw new IOException($"Redis at {address} answers AUTH with {authenticated.Trim()}");
        return await SendAsync(command);

        async Task<string> SendAsync(string line)
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(line + "\r\n"), cancellationToken);
            var buffer = new byte[16 * 1024];
            var length = 0;
            do
            {
                var count = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken);
                if (count == 0) throw new IOException($"Redis at {address} closed the connection.");
                length += count;
            }
            while (buffer[length - 1] != '\n');
            return Encoding.ASCII.GetString(buffer, 0, length);
        }
    }
}
