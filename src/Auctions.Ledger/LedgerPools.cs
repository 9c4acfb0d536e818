using Microsoft.Extensions.Logging;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>
/// A process' connections to Postgres: a pool for each kind of work, so that none can take the connections of another.
/// In <c>pg_stat_activity</c>, the pool is part of the application name. A pool opens a connection when it needs one,
/// and no process uses all pools.
/// </summary>
public sealed class LedgerPools : IAsyncDisposable
{
    private readonly bool _isShared;

    private LedgerPools(Func<string, int, NpgsqlDataSource> create, PoolSizes sizes, bool isShared)
    {
        _isShared = isShared;
        Commits = create("commits", sizes.Commits);
        Waiting = create("waiting", sizes.Waiting);
        Heads = create("heads", sizes.Heads);
        Closing = create("closing", sizes.Closing);
        Reads = create("reads", sizes.Reads);
        Probes = create("probes", sizes.Probes);
    }

    /// <summary>Commits of bids, and of pending entries.</summary>
    public NpgsqlDataSource Commits { get; }

    /// <summary>Transactions that wait for a row that another one has locked: see <see cref="RowLocks"/>.</summary>
    public NpgsqlDataSource Waiting { get; }

    /// <summary>Reads that bids wait for: hydrations, and decisions without Redis.</summary>
    public NpgsqlDataSource Heads { get; }

    /// <summary>Starting and sealing auctions at their time.</summary>
    public NpgsqlDataSource Closing { get; }

    /// <summary>What callers read, create and change.</summary>
    public NpgsqlDataSource Reads { get; }

    /// <summary>Health, clocks and the schema.</summary>
    public NpgsqlDataSource Probes { get; }

    public static LedgerPools Create(string connectionString, PoolSizes sizes, ILoggerFactory? loggerFactory) =>
        new((name, size) => LedgerDataSource.Create(connectionString, loggerFactory, name, size), sizes, false);

    /// <summary>One pool for everything, for tools and tests. The caller disposes of it.</summary>
    public static LedgerPools Of(NpgsqlDataSource source) => new((_, _) => source, new PoolSizes(), isShared: true);

    public async ValueTask DisposeAsync()
    {
        if (_isShared) return;
        foreach (var pool in (NpgsqlDataSource[])[Commits, Waiting, Heads, Closing, Reads, Probes])
            await pool.DisposeAsync();
    }
}

/// <summary>
/// Section <c>Postgres:Pools</c>: the most connections of each pool of a process, 1 to 100. Two BiddingServices, two
/// AuctionServices, a gateway and an updater use at most 250 of the stack's 300.
/// </summary>
public sealed class PoolSizes
{
    public const string Section = PostgresOptions.SectionName + ":Pools";

    /// <summary>At least the lanes of BiddingService.</summary>
    public int Commits { get; set; } = 12;

    /// <summary>One of them asks which rows are free.</summary>
    public int Waiting { get; set; } = RowLocks.ConnectionsMax + 1;

    public int Heads { get; set; } = 8;
    public int Closing { get; set; } = 8;
    public int Reads { get; set; } = 16;
    public int Probes { get; set; } = 4;

    internal IEnumerable<string> Failures()
    {
        (string Name, int Size)[] all =
        [
            (nameof(Commits), Commits), (nameof(Waiting), Waiting), (nameof(Heads), Heads), (nameof(Closing), Closing),
            (nameof(Reads), Reads), (nameof(Probes), Probes),
        ];
        return all.Where(p => p.Size is < 1 or > 100)
            .Select(p => $"{Section}:{p.Name} must be 1 to 100, and is {p.Size}.");
    }
}
