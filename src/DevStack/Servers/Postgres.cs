using System.Net;
using Auctions.Ledger;
using DevStack.Supervision;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace DevStack.Servers;

/// <summary>A private Postgres: the system's programs with a data directory and a port of its own.</summary>
/// <remarks>
/// Postgres refuses to run as root. Root therefore runs it as the user <c>postgres</c>, which Debian's package creates.
/// </remarks>
public sealed class Postgres(RunDirectory run)
{
    private const string Database = "auctions";
    private const string Role = "auctions";
    private const string Admin = "postgres";

    private static readonly string[] AsOwner = Environment.IsPrivilegedProcess
        ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
        : [];

    // Home may be a link to the fallback directory. It is resolved here because the user postgres cannot enter the run
    // directory and so cannot follow the link.
    private string Home => new DirectoryInfo(run.DataDirectory("postgres")).LinkTarget ?? run.DataDirectory("postgres");

    private string Data => Path.Combine(Home, "data");

    /// <summary>The connection string of the services.</summary>
    public string ConnectionString => ConnectionStringAt(run.Endpoints["postgres"]);

    /// <summary>The same through another address (<c>host:port</c>), for example a proxy's.</summary>
    public string ConnectionStringAt(string address) =>
        ConnectAs(Role, run.Secrets.PostgresPassword, Database, IPEndPoint.Parse(address).Port);

    private string AdminConnectionString =>
        ConnectAs(Admin, run.Secrets.PostgresAdminPassword, Admin, run.Endpoints.Port("postgres"));

    /// <param name="settings">Names and values for postgresql.conf.</param>
    public Launch Launch(IReadOnlyDictionary<string, string> settings)
    {
        string[] own =
        [
            $"port={run.Endpoints.Port("postgres")}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=", // none: a socket's path is limited to 107 characters
        ];
        var flags = own.Concat(settings.Select(s => $"{s.Key}={s.Value}")).SelectMany(s => (string[])["-c", s]);
        return new Launch([.. AsOwner, Program("postgres"), "-D", Data, .. flags]);
    }

    /// <summary>
    /// Waits for the processes of a killed server, and creates the data directory at the first start.
    /// </summary>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await EndOrphansAsync(Data, cancellationToken);
        string[] isInitialised = [.. AsOwner, "test", "-f", Path.Combine(Data, "PG_VERSION")];
        if (await SystemCommand.SucceedsAsync(isInitialised, cancellationToken)) return;
        await CreateHomeAsync(cancellationToken);
        await SystemCommand.RunAsync(
            [.. AsOwner, "sh", "-c", InitialiseDatabase, "sh", Program("initdb"), Home],
            run.Secrets.PostgresAdminPassword, cancellationToken);
    }

    /// <summary>Waits until no process of a killed server is left that would prevent the start of a new one.</summary>
    public static Task EndOrphansAsync(string dataDirectory, CancellationToken cancellationToken) =>
        SystemCommand.RunAsync(["sh", "-c", EndOrphans, "sh", dataDirectory], "", cancellationToken);

    /// <summary>Whether it has recovered. It accepts connections earlier.</summary>
    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(AdminConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand("select not pg_is_in_recovery()", connection);
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    /// <summary>
    /// Creates the services' role and their database, and migrates the ledger's schema. The role owns the database, may
    /// replicate, and is no superuser.
    /// </summary>
    /// <exception cref="StackException">The schema cannot be migrated to this version.</exception>
    public async Task ProvideLedgerAsync(CancellationToken cancellationToken)
    {
        await CreateDatabaseAsync(cancellationToken);
        await using var ledger = LedgerDataSource.Create(ConnectionString);
        try
        {
            await Migrations.OfThisVersion(ledger, NullLogger<Migrations>.Instance).RunAsync(cancellationToken);
        }
        catch (MigrationException e)
        {
            throw new StackException(e.Message + " To start again without data: ./auctions up --clean");
        }
    }

    /// <summary>Whether a client streams the changes of the services' database now.</summary>
    public async Task<bool> IsReplicatedAsync(CancellationToken cancellationToken)
    {
        await using var source = NpgsqlDataSource.Create(AdminConnectionString);
        return await ExistsAsync(source,
            $"select from pg_replication_slots where database = '{Database}' and active", cancellationToken);
    }

    private async Task CreateDatabaseAsync(CancellationToken cancellationToken)
    {
        await using var source = NpgsqlDataSource.Create(AdminConnectionString);
        if (!await ExistsAsync(source, $"select from pg_roles where rolname = '{Role}'", cancellationToken))
        {
            await using var role = source.CreateCommand(
                $"create role {Role} login replication password '{run.Secrets.PostgresPassword}'");
            await role.ExecuteNonQueryAsync(cancellationToken);
        }
        if (!await ExistsAsync(source, $"select from pg_database where datname = '{Database}'", cancellationToken))
        {
            await using var database = source.CreateCommand($"create database {Database} owner {Role}");
            await database.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private async Task CreateHomeAsync(CancellationToken cancellationToken)
    {
        var home = run.DataDirectory("postgres");
        if (AsOwner is [])
        {
            Directory.CreateDirectory(home);
            return;
        }

        string[] canEnterRun = [.. AsOwner, "sh", "-c", "cd \"$0\"", run.Root];
        var directory = await SystemCommand.SucceedsAsync(canEnterRun, cancellationToken)
            ? home
            : run.PostgresFallbackDirectory;
        await SystemCommand.RunAsync(["sh", "-c", CreateOwnedDirectory, "sh", directory, home], "", cancellationToken);
    }

    private static string ConnectAs(string user, string password, string database, int port) =>
        new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = port,
            Username = user,
            Password = password,
            Database = database,
            Pooling = user != Admin,
        }.ConnectionString;

    private static async Task<bool> ExistsAsync(
        NpgsqlDataSource source, string query, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand($"select exists ({query})");
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    // Of the newest installed version. Debian does not put them on the PATH.
    private static string Program(string name)
    {
        const string debian = "/usr/lib/postgresql";
        var installed = Directory.Exists(debian)
            ? Directory.GetDirectories(debian)
                .Where(d => File.Exists(Path.Combine(d, "bin", name)))
                .MaxBy(d => int.TryParse(Path.GetFileName(d), out var version) ? version : 0)
            : null;
        return installed is null ? name : Path.Combine(installed, "bin", name);
    }

    // $1 data directory. The children of a killed postmaster still hold its shared memory, and a new one would refuse
    // to start. They end by themselves as soon as they notice; after 5 s the rest is killed. Each has the data
    // directory as its working directory. The lock file is removed too, because Postgres respects it as long as the
    // killed process is a zombie.
    private const string EndOrphans = """
        for i in $(seq 50); do
          left=""
          for p in /proc/[0-9]*; do
            [ "$(cat "$p/comm" 2>/dev/null)" = postgres ] || continue
            [ "$(readlink "$p/cwd" 2>/dev/null)" = "$(readlink -f "$1")" ] && left="$left ${p#/proc/}"
          done
          [ -z "$left" ] && break
          sleep 0.1
        done
        [ -z "$left" ] || kill -9 $left
        rm -f "$1/postmaster.pid"
        """;

    // $1 initdb, $2 home; the superuser's password is on standard input. The database is created under another name and
    // then renamed, so that an interrupted attempt leaves nothing that looks like a database.
    private const string InitialiseDatabase = """
        set -e
        cd "$2"
        umask 077
        rm -rf data.new password
        cat >password
        "$1" -D data.new -U postgres --pwfile=password --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
          --data-checksums >initdb.log 2>&1 || { cat initdb.log >&2; exit 1; }
        rm password
        mv data.new data
        """;

    // $1 directory, $2 home. The fallback directory is in a directory to which everyone may write, so its owner is
    // checked.
    private const string CreateOwnedDirectory = """
        set -e
        [ -d "$1" ] || { mkdir -m 700 "$1"; chown postgres:postgres "$1"; }
        [ "$(stat -c %U "$1")" = postgres ] || { echo "$1 belongs to $(stat -c %U "$1")" >&2; exit 1; }
        [ "$1" = "$2" ] || ln -sfn "$1" "$2"
        """;
}
