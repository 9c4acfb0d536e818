using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>
/// Keeps a process from knocking at a Postgres that is away. Each lane, reader, probe and wave would try again on its
/// own; during a recovery of 20 s, the services together were refused 3,600 times, which made the recovery slower.
/// <para>Concurrency: any number of callers. All data sources of a process that lead to the same server share a gate.
/// </para>
/// <para>Lifecycle: open at first. A connection that the server refuses shuts the gate: callers then fail at once.
/// After <see cref="DelayMin"/> to <see cref="DelayMax"/>, at random, one caller passes as a trial. If it gets a
/// connection, the gate is open; if not, the next delay begins.</para>
/// <para>Invariants: only a refusal shuts the gate: the server's port is closed, or it says that it starts or stops. A
/// slow server, an exhausted pool and a statement that fails do not.</para>
/// <para>Bounds: while the server is away, a process tries it about once a second.</para>
/// </summary>
public sealed class ConnectGate
{
    public static readonly TimeSpan DelayMin = TimeSpan.FromMilliseconds(500);
    public static readonly TimeSpan DelayMax = TimeSpan.FromMilliseconds(1_500);

    private static readonly ConcurrentDictionary<string, ConnectGate> ByServer = new();
    private static readonly ConditionalWeakTable<NpgsqlDataSource, ConnectGate> BySource = [];

    private readonly Lock _lock = new();
    private volatile bool _isShut;
    private bool _isTrialRunning;
    private long _shutAt;
    private TimeSpan _delay;
    private NpgsqlException? _refusal;

    private ConnectGate()
    {
    }

    /// <summary>Opens a connection of the pool, unless the server was away a moment ago.</summary>
    /// <exception cref="NpgsqlException">There is no connection; also at once, if the gate is shut.</exception>
    public static ValueTask<NpgsqlConnection> OpenAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        var gate = BySource.GetValue(source, Of);
        return gate.OpenFromAsync(source, cancellationToken);
    }

    private static ConnectGate Of(NpgsqlDataSource source)
    {
        var settings = new NpgsqlConnectionStringBuilder(source.ConnectionString);
        return ByServer.GetOrAdd($"{settings.Host}:{settings.Port}", _ => new ConnectGate());
    }

    private async ValueTask<NpgsqlConnection> OpenFromAsync(
        NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        var isTrial = _isShut && BeginTrial();
        try
        {
            var connection = await source.OpenConnectionAsync(cancellationToken);
            if (_isShut) Open();
            return connection;
        }
        catch (NpgsqlException refusal) when (IsRefusal(refusal))
        {
            Shut(refusal);
            throw;
        }
        finally
        {
            if (isTrial) EndTrial();
        }
    }

    /// <returns>True; or false if the gate has been opened meanwhile.</returns>
    /// <exception cref="NpgsqlException">The gate is shut, and this is not the time for a trial.</exception>
    private bool BeginTrial()
    {
        lock (_lock)
        {
            if (!_isShut) return false;
            if (_isTrialRunning || Stopwatch.GetElapsedTime(_shutAt) < _delay)
            {
                throw new NpgsqlException(
                    $"Postgres was away a moment ago, and is tried again soon: {_refusal!.Message}",
                    _refusal.InnerException ?? _refusal);
            }

            return _isTrialRunning = true;
        }
    }

    private void EndTrial()
    {
        lock (_lock) _isTrialRunning = false;
    }

    private void Open()
    {
        lock (_lock) (_isShut, _refusal) = (false, null);
    }

    private void Shut(NpgsqlException refusal)
    {
        lock (_lock)
        {
            (_isShut, _refusal, _shutAt) = (true, refusal, Stopwatch.GetTimestamp());
            _delay = TimeSpan.FromMilliseconds(
                RandomNumberGenerator.GetInt32((int)DelayMin.TotalMilliseconds, (int)DelayMax.TotalMilliseconds));
        }
    }

    private static bool IsRefusal(NpgsqlException fault) => fault is PostgresException answer
        ? answer.SqlState is PostgresErrorCodes.CannotConnectNow or PostgresErrorCodes.AdminShutdown
            or PostgresErrorCodes.CrashShutdown
        : fault.InnerException is SocketException or IOException;
}
