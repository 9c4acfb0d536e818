using System.Net;
using Auctions.Ledger;
using DevStack.Supervision;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace DevStack.Servers;

/// <summary>A private Postgres: the system's programs, a data directory and a port of its own.</summary>
/// <remarks>Postgres refuses to run as root, so root runs it as the user <c>postgres</c>, which Debian's package makes.</remarks>
public sealed class Postgres(RunDirectory run)
{
    private const string Database = "auctions";
    private const string Role = "auctions";
    private const string Admin = "postgres";

    private static readonly string[] AsOwner = Environment.IsPrivilegedProcess
        ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
        : [];

    // Without the link that may lead there: its user cannot follow it out of a directory that is closed to it.
    private string Home => new DirectoryInfo(run.DataDirectory("postgres")).LinkTarget ?? run.DataDirectory("postgres");

    private string Data => Path.Combine(Home, "data");

    /// <summary>What the services connect with.</summary>
    public string ConnectionString => ConnectionStringAt(run.Endpoints["postgres"]);

    /// <summary>The same by way of another address, <c>host:port</c>: a proxy's.</summary>
    public string ConnectionStringAt(string address) =>
        ConnectAs(Role, run.Secrets.PostgresPassword, Database, IPEndPoint.Parse(address).Port);

    private string AdminConnectionString => ConnectAs(Admin, run.Secrets.PostgresAdminPassword, Admin, run.Endpoints.Port("postgres"));

    /// <param name="settings">Names and values for postgresql.conf.</param>
    public Launch Launch(IReadOnlyDictionary<string, string> settings)
    {
        string[] own =
        [
            $"port={run.Endpoints.Port("postgres")}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=", // their paths may be 107 characters at most; TCP has no such limit
        ];
        var flags = own.Concat(settings.Select(s => $"{s.Key}={s.Value}")).SelectMany(s => (string[])["-c", s]);
        return new Launch([.. AsOwner, Program("postgres"), "-D", Data, .. flags]);
    }

    /// <summary>Makes the data directory at the first start, and waits out what a killed server has left behind.</summary>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await EndOrphansAsync(Data, cancellationToken);
        if (await SystemCommand.SucceedsAsync([.. AsOwner, "test", "-f", Path.Combine(Data, "PG_VERSION")], cancellationToken))
        {
            return;
        }
        await MakeHomeAsync(cancellationToken);
        await SystemCommand.RunAsync(
            [.. AsOwner, "sh", "-c", InitialiseDatabase, "sh", Program("initdb"), Home],
            run.Secrets.PostgresAdminPassword, cancellationToken);
    }

    /// <summary>Waits until nothing of a killed server is left that would keep a new one from starting.</summary>
    public static Task EndOrphansAsync(string dataDirectory, CancellationToken cancellationToken) =>
        SystemCommand.RunAsync(["sh", "-c", EndOrphans, "sh", dataDirectory], "", cancellationToken);

    /// <summary>Whether it takes queries: it answers connections earlier, while it still recovers.</summary>
    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(AdminConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand("select not pg_is_in_recovery()", connection);
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    /// <summary>Makes the services' role and database with the ledger's schema. The role owns the database and may
    /// replicate, and is no superuser.</summary>
    /// <exception cref="StackException">The schema is not this version's, and cannot be made so.</exception>
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
            throw new StackException(e.Message + " To start over with no data: ./auctions up --clean");
        }
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

    /// <summary>Whether somebody receives the changes of the services' database right now.</summary>
    public async Task<bool> IsReplicatedAsync(CancellationToken cancellationToken)
    {
        await using var source = NpgsqlDataSource.Create(AdminConnectionString);
        return await ExistsAsync(source,
            $"select from pg_replication_slots where database = '{Database}' and active", cancellationToken);
    }

    private async Task MakeHomeAsync(CancellationToken cancellationToken)
    {
        var home = run.DataDirectory("postgres");
        if (AsOwner is [])
        {
            Directory.CreateDirectory(home);
            return;
        }
        var place = home;
        if (!await SystemCommand.SucceedsAsync([.. AsOwner, "sh", "-c", "cd \"$0\"", run.Root], cancellationToken))
        {
            place = run.ElsewhereForPostgres;
        }
        await SystemCommand.RunAsync(["sh", "-c", MakeOwnedDirectory, "sh", place, home], "", cancellationToken);
    }

    private static string ConnectAs(string user, string password, string database, int port) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = port,
        Username = user,
        Password = password,
        Database = database,
        Pooling = user != Admin,
    }.ConnectionString;

    private static async Task<bool> ExistsAsync(NpgsqlDataSource source, string query, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand($"select exists ({query})");
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    /// <summary>The newest installed version's; Debian keeps them off the PATH.</summary>
    private static string Program(string name)
    {
        const string debian = "/usr/lib/postgresql";
        var installed = Directory.Exists(debian)
            ? Directory.GetDirectories(debian).Where(d => File.Exists(Path.Combine(d, "bin", name)))
                .OrderByDescending(d => int.TryParse(Path.GetFileName(d), out var version) ? version : 0).FirstOrDefault()
            : null;
        return installed is null ? name : Path.Combine(installed, "bin", name);
    }

    // $1 data directory. A killed postmaster's children still hold its shared memory, in which a new one would refuse
    // to start. They end by themselves as soon as they look; one that does not look for 5 s is killed. Each has
    // the data directory as its working directory. The lock file goes as well: Postgres would honour it for as long as
    // the killed process is a zombie.
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

    // $1 initdb, $2 home; the superuser's password is on standard input. Made aside and moved into place, so that an
    // interrupted attempt leaves nothing that looks like a database.
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

    // $1 place, $2 home. A place in a directory that everyone may write to is taken only if it is ours.
    private const string MakeOwnedDirectory = """
        set -e
        [ -d "$1" ] || { mkdir -m 700 "$1"; chown postgres:postgres "$1"; }
        [ "$(stat -c %U "$1")" = postgres ] || { echo "$1 belongs to $(stat -c %U "$1")" >&2; exit 1; }
        [ "$1" = "$2" ] || ln -sfn "$1" "$2"
        """;
}
