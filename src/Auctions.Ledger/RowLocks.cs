using System.Collections.Concurrent;
using System.Globalization;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>
/// Transactions on one auction whose row another transaction has locked. Nearly always the other one is a commit of
/// another instance and takes milliseconds, so the transaction waits in the queue of the row's lock. If the lock is
/// held for longer, an operator holds it, or a commit that hangs. Then one loop asks for all such auctions together
/// which are free, so that hundreds of locked rows need no connection each.
/// <para>
/// Concurrency: any number of callers at once. <see cref="ConnectionsMax"/> of them hold a connection; the others wait
/// in order of arrival. One probing loop runs while auctions are held.
/// </para>
/// <para>
/// Lifecycle: the loop starts with the first wait that is too long, and ends when no auction is held any more. No fault
/// ends it early: when Postgres does not answer, it takes all auctions as free, and their transactions find out.
/// </para>
/// <para>
/// Invariants: a transaction that runs has the lock, or ends with SQLSTATE 55P03 and has done nothing. An auction that
/// is held takes no connection until the loop has found it free, or <see cref="HeldMax"/> has passed.
/// </para>
/// <para>
/// Bounds: a transaction waits <see cref="WaitMsMax"/> (50 ms) for the lock, and less while many callers wait for a
/// connection; so 500 locked rows delay the others by some 300 ms once. A caller waits <see cref="HeldMax"/> (500 ms)
/// for an auction that is held. The loop asks every <see cref="ProbeInterval"/> (50 ms).
/// </para>
/// </summary>
public sealed class RowLocks(LedgerPools pools, LedgerStatements sql, TimeProvider timeProvider) : IDisposable
{
    internal const int ConnectionsMax = 8;
    private const int WaitMsMin = 5, WaitMsMax = 50;
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan HeldMax = TimeSpan.FromMilliseconds(500);

    private readonly LedgerConnections _connections = new(pools.Waiting);
    private readonly SemaphoreSlim _free = new(ConnectionsMax);

    /// <summary>The auctions whose lock was held for too long. Each task ends when its auction may be free.</summary>
    private readonly ConcurrentDictionary<Guid, TaskCompletionSource> _held = new();

    private int _waiting;
    private int _probing;

    /// <summary>Runs a transaction that begins with the commands of <see cref="Lock"/>.</summary>
    /// <param name="work">Gets the connection and the longest wait for the lock, in milliseconds.</param>
    /// <returns>Whether the transaction ran, and its result; false if the row stayed locked.</returns>
    internal async Task<(bool Ran, T? Result)> TryAsync<T>(
        Guid auctionId, Func<NpgsqlConnection, int, Task<T>> work, CancellationToken cancellationToken)
    {
        if (!await IsMaybeFreeAsync(auctionId, cancellationToken)) return default;
        var waiting = Interlocked.Increment(ref _waiting);
        try
        {
            await _free.WaitAsync(cancellationToken);
            try
            {
                var waitMs = Math.Clamp(WaitMsMax * ConnectionsMax / waiting, WaitMsMin, WaitMsMax);
                return (true, await _connections.UseAsync(connection => work(connection, waitMs), cancellationToken));
            }
            finally
            {
                _free.Release();
            }
        }
        catch (PostgresException e) when (LedgerConnections.IsLocked(e))
        {
            Hold(auctionId);
            return default;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    /// <summary>The commands that lock one auction. Their results come first.</summary>
    internal NpgsqlBatchCommand[] Lock(Guid auctionId, int waitMs) =>
    [
        LedgerCommands.Part(
            "select set_config('lock_timeout', $1, true)", waitMs.ToString(CultureInfo.InvariantCulture)),
        LedgerCommands.Part(sql.LockAuctionsWaiting, new[] { auctionId }),
    ];

    public void Dispose() => _free.Dispose();

    private async Task<bool> IsMaybeFreeAsync(Guid auctionId, CancellationToken cancellationToken)
    {
        if (!_held.TryGetValue(auctionId, out var held)) return true;
        try
        {
            await held.Task.WaitAsync(HeldMax, timeProvider, cancellationToken);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private void Hold(Guid auctionId)
    {
        _held.TryAdd(auctionId, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        if (Interlocked.Exchange(ref _probing, 1) == 0) _ = ProbeAsync();
    }

    private async Task ProbeAsync()
    {
        while (true)
        {
            await Task.Delay(ProbeInterval, timeProvider, CancellationToken.None);
            foreach (var auctionId in await FindFreeAsync([.. _held.Keys]))
            {
                if (_held.TryRemove(auctionId, out var held)) held.SetResult();
            }

            if (!_held.IsEmpty) continue;
            Volatile.Write(ref _probing, 0);

            // An auction that was added just before the flag fell has not started another loop.
            if (_held.IsEmpty || Interlocked.Exchange(ref _probing, 1) == 1) return;
        }
    }

    private async Task<IReadOnlyList<Guid>> FindFreeAsync(Guid[] auctionIds)
    {
        try
        {
            return await _connections.UseAsync(
                c => c.QueryAsync(sql.FreeAuctions, row => row.GetGuid(0), CancellationToken.None, auctionIds),
                CancellationToken.None);
        }
        catch (Exception e) when (e is LedgerUnavailableException or NpgsqlException)
        {
            return auctionIds;
        }
    }
}
