using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace DevStack.Supervision;

/// <summary>
/// The directory of one stack: pid files, logs, addresses, secrets and data. Stacks in different directories are
/// independent.
/// </summary>
public sealed class RunDirectory
{
    public RunDirectory(string root)
    {
        Root = Path.GetFullPath(root);
        Directory.CreateDirectory(Root);
        Endpoints = new Endpoints(Path.Combine(Root, "endpoints.json"));
        Secrets = Secrets.LoadOrCreate(Path.Combine(Root, "secrets.json"));
    }

    public string Root { get; }
    public Endpoints Endpoints { get; }
    public Secrets Secrets { get; }

    private string LockFile => Path.Combine(Root, "lock");

    public string PidFile(string component) => Path.Combine(Root, component + ".pid");
    public string StartFile(string component) => Path.Combine(Root, component + ".start");
    public string LogFile(string component) => Path.Combine(Root, component + ".log");
    public string DataDirectory(string component) => Path.Combine(Root, component);

    /// <summary>
    /// The data directory of Postgres if its user cannot enter <see cref="Root"/>, for example in a checkout under
    /// /root.
    /// </summary>
    public string PostgresFallbackDirectory =>
        "/var/tmp/auctions-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Root)))[..16];

    /// <summary>The directory from which a component runs its program: see <see cref="BuildOutput"/>.</summary>
    public string Programs(string component) => Path.Combine(Root, "programs", component);

    /// <summary>
    /// A digest of everything from which a process was started. If it has changed, <c>up</c> restarts the process. Only
    /// the digest is written to a file, because the environment contains secrets.
    /// </summary>
    /// <param name="launch">Its command line and its environment.</param>
    /// <param name="inputs">
    /// The state of what it uses besides: its build, and the processes with which it restarts.
    /// </param>
    public static string LaunchDigest(Launch launch, IEnumerable<string> inputs)
    {
        var environment = launch.Environment
            .OrderBy(e => e.Key, StringComparer.Ordinal)
            .Select(e => $"{e.Key}={e.Value}");
        var text = string.Join('\0', launch.Command.Concat(environment).Concat(inputs));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..32];
    }

    /// <summary>
    /// Deletes everything except the addresses, the secrets, and directories in this one that belong to other stacks.
    /// </summary>
    public async Task RemoveDataAsync(CancellationToken cancellationToken)
    {
        string[] kept = [Path.Combine(Root, "endpoints.json"), Path.Combine(Root, "secrets.json"), LockFile];
        foreach (var entry in Directory.EnumerateFileSystemEntries(Root).Except(kept).ToList())
        {
            var isOtherStack = File.Exists(Path.Combine(entry, Path.GetFileName(LockFile)));
            if (isOtherStack) continue;

            // The data of Postgres may be a link to the fallback directory.
            var target = Directory.ResolveLinkTarget(entry, returnFinalTarget: true)?.FullName;
            var data = target == PostgresFallbackDirectory ? target : entry;
            await SystemCommand.RunAsync(["rm", "-rf", "--", data, entry], "", cancellationToken);
        }
    }

    /// <summary>
    /// Excludes every other <c>up</c> and <c>down</c> of the same stack until the result is disposed.
    /// </summary>
    /// <exception cref="StackException">Another one is running.</exception>
    public IDisposable Lock()
    {
        try
        {
            return new FileStream(LockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new StackException($"another up or down is running in {Root} ({e.Message})");
        }
    }
}

/// <summary>
/// The addresses of a stack in <c>endpoints.json</c>: from a name to "host:port". The file also keeps the chosen ports,
/// so that addresses stay the same from one <c>up</c> to the next. Thread-safe.
/// </summary>
public sealed class Endpoints(string file)
{
    // Below the range from which the kernel takes ports for outgoing connections (32768 and up). So a connection of
    // another program cannot take a port while its component is down.
    private const int FirstPort = 20_000;
    private const int PortCount = 12_000;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, string> _addresses = File.Exists(file)
        ? JsonSerializer.Deserialize<SortedDictionary<string, string>>(File.ReadAllText(file))!
        : [];

    /// <summary>The address of an endpoint, "host:port".</summary>
    /// <exception cref="StackException">It has none.</exception>
    public string this[string name] =>
        Find(name) ?? throw new StackException($"{name} has no address yet: it was never started");

    public int Port(string name) => IPEndPoint.Parse(this[name]).Port;

    public string? Find(string name)
    {
        lock (_lock) return _addresses.GetValueOrDefault(name);
    }

    /// <summary>
    /// Gives an endpoint its previous port; a free one if it had none, or if another program listens there.
    /// </summary>
    public void Reserve(string name)
    {
        lock (_lock)
        {
            if (_addresses.TryGetValue(name, out var known) && IsFree(IPEndPoint.Parse(known).Port)) return;
            var others = _addresses.Where(a => a.Key != name).Select(a => IPEndPoint.Parse(a.Value).Port).ToHashSet();
            var start = RandomNumberGenerator.GetInt32(PortCount);
            var port = Enumerable.Range(0, PortCount).Select(i => FirstPort + (start + i) % PortCount)
                .First(p => !others.Contains(p) && IsFree(p));
            Set(name, $"127.0.0.1:{port}");
        }
    }

    private void Set(string name, string address)
    {
        _addresses[name] = address;
        var next = file + ".new";
        File.WriteAllText(next, JsonSerializer.Serialize(_addresses, Indented) + "\n");
        File.Move(next, file, overwrite: true);
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

/// <summary>
/// The secrets of one stack, generated at its first start and kept in <c>secrets.json</c> (mode 0600).
/// </summary>
/// <param name="JwtKey">Signs the tokens of callers (HS256); base64 of 32 bytes.</param>
/// <param name="PostgresPassword">Of the role <c>auctions</c>, which owns the database.</param>
/// <param name="PostgresAdminPassword">Of the superuser <c>postgres</c>.</param>
/// <param name="RedisPassword">Of Redis' default user. Clients of every Redis server of the stack need it.</param>
public sealed record Secrets(
    [property: JsonPropertyName("jwt_key")] string JwtKey,
    [property: JsonPropertyName("postgres_password")] string PostgresPassword,
    [property: JsonPropertyName("postgres_admin_password")] string PostgresAdminPassword,
    [property: JsonPropertyName("redis_password")] string RedisPassword)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static Secrets LoadOrCreate(string file)
    {
        if (!File.Exists(file))
        {
            var secrets = new Secrets(
                Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
                NewPassword(), NewPassword(), NewPassword());
            secrets.Write(file, FileMode.CreateNew);
            return secrets;
        }

        var loaded = JsonSerializer.Deserialize<Secrets>(File.ReadAllText(file))!;
        if (!string.IsNullOrEmpty(loaded.RedisPassword)) return loaded;

        // The file of a version without this password. A new file takes its place at once, as a reader expects.
        loaded = loaded with { RedisPassword = NewPassword() };
        loaded.Write(file + ".new", FileMode.Create);
        File.Move(file + ".new", file, overwrite: true);
        return loaded;
    }

    private void Write(string file, FileMode mode)
    {
        using var stream = new FileStream(file, new FileStreamOptions
        {
            Mode = mode,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        JsonSerializer.Serialize(stream, this, Indented);
    }

    private static string NewPassword() => RandomNumberGenerator.GetHexString(32, lowercase: true);
}
