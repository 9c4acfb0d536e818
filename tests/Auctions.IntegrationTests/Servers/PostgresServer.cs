using Npgsql;

namespace Auctions.IntegrationTests.Servers;

/// <summary>
/// A private PostgreSQL, as durable as in production: fsync and synchronous_commit on, wal_level=logical. If the tests
/// run as root, it runs as the user postgres, because Postgres does not run as root.
/// </summary>
public sealed class PostgresServer : IAsyncLifetime
{
    /// <summary>The signal for a fast shutdown of Postgres.</summary>
    public const int SigInt = 2;

    private static int _databases;

    private readonly string _dir = Directory.CreateTempSubdirectory("auctions-postgres-").FullName;
    private readonly string _bin = FindBin();
    private ServerProcess? _server;
    private Task<string>? _template;

    public int Port { get; private set; }

    /// <summary>The postmaster. Its backends are its children.</summary>
    public ServerProcess Process => _server ?? throw new InvalidOperationException("Postgres is not running.");

    /// <summary>The file that ALTER SYSTEM writes.</summary>
    public string AutoConf => Path.Combine(Data, "postgresql.auto.conf");

    private string Data => Path.Combine(_dir, "data");

    public string ConnectionString(string database = "postgres") =>
        $"Host=127.0.0.1;Port={Port};Username=auctions;Database={database}";

    /// <summary>Creates an empty database.</summary>
    /// <returns>Its connection string.</returns>
    public async Task<string> CreateDatabaseAsync(string options = "")
    {
        var name = $"test_{Interlocked.Increment(ref _databases)}";
        await ExecuteAsync(ConnectionString(), $"create database {name} {options}");
        return ConnectionString(name);
    }

    /// <summary>
    /// Copies a template, which is prepared when the first copy is made. This is faster than migrations.
    /// </summary>
    /// <param name="prepare">Must leave no connection open.</param>
    /// <returns>Its connection string.</returns>
    public async Task<string> CopyDatabaseAsync(Func<string, Task> prepare)
    {
        var template = await (_template ??= PrepareAsync());
        return await CreateDatabaseAsync($"template {template}");

        async Task<string> PrepareAsync()
        {
            var connectionString = await CreateDatabaseAsync();
            await prepare(connectionString + ";Pooling=false");
            return new NpgsqlConnectionStringBuilder(connectionString).Database!;
        }
    }

    /// <summary>Runs SQL as an operator with psql: without the settings of the services' connections.</summary>
    public static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Starts again after <see cref="ServerProcess.KillAsync"/>: same data, same port.</summary>
    public async Task StartAsync()
    {
        await DevStack.Servers.Postgres.EndOrphansAsync(Data, CancellationToken.None);
        string[] postgres =
        [
            .. AsPostgres(), Path.Combine(_bin, "postgres"), "-D", Data, "-p", $"{Port}",
            "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "wal_level=logical",
            "-c", "max_wal_senders=50", "-c", "max_replication_slots=200", "-c", "max_connections=200",
            "-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "log_line_prefix=%m [%p] ",
        ];
        _server = await ServerProcess.StartAsync(
            postgres, Path.Combine(_dir, "log"), () => ExecuteAsync(ConnectionString(), "select 1"));
    }

    public async Task InitializeAsync()
    {
        Port = ServerProcess.FreePort();
        if (Environment.IsPrivilegedProcess) await ServerProcess.RunAsync("chown", "postgres", _dir);
        await ServerProcess.RunAsync(
            [
                .. AsPostgres(), Path.Combine(_bin, "initdb"), "-D", Data, "-U", "auctions", "--auth=trust",
                "--encoding=UTF8", "--locale=C", "--no-sync",
            ]);
        await StartAsync();
    }

    public async Task DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.StopAsync(SigInt);
            await _server.DisposeAsync();
        }

        Directory.Delete(_dir, recursive: true);
    }

    private static string[] AsPostgres() =>
        Environment.IsPrivilegedProcess ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : [];

    /// <summary>In Debian, the server's programs are not in PATH. Each major version has its directory.</summary>
    private static string FindBin()
    {
        const string debian = "/usr/lib/postgresql";
        var versions = Directory.Exists(debian) ? Directory.GetDirectories(debian) : [];
        var bins = versions
            .OrderByDescending(v => int.TryParse(Path.GetFileName(v), out var n) ? n : 0)
            .Select(v => Path.Combine(v, "bin"));
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        return bins.Concat(path).FirstOrDefault(d => File.Exists(Path.Combine(d, "postgres")))
            ?? throw new InvalidOperationException("There is no PostgreSQL server: install postgresql-15 (or newer).");
    }
}
