namespace Auctions.Ledger;

/// <summary>
/// Reads and seals auctions. Postgres implements it; the simulation has an implementation in memory. Every call may
/// throw <see cref="LedgerUnavailableException"/>: the outcome is then unknown, and a repeated call finds it out.
/// </summary>
public interface ILedgerLifecycle
{
    /// <summary>The auction's row; null if there is none.</summary>
    Task<AuctionRow?> ReadAuctionAsync(Guid auctionId, CancellationToken cancellationToken);

    /// <summary>The rows of the auctions that exist, in no order.</summary>
    Task<List<AuctionRow>> ReadAuctionsAsync(IReadOnlyList<Guid> auctionIds, CancellationToken cancellationToken);

    /// <summary>
    /// Seals one auction: see the other overload. If another transaction has locked its row, it waits for some 50 ms to
    /// half a second before the auction is busy.
    /// </summary>
    Task<SealResult> SealAsync(SealRequest request, CancellationToken cancellationToken);

    /// <summary>
    /// Appends the sealing entries, with the winners, to the heads as they are under the lock. A second call changes
    /// nothing. Waits for no row: an auction that another transaction has locked is busy.
    /// </summary>
    /// <param name="requests">At most one request for each auction.</param>
    /// <returns>One result for each request, in order.</returns>
    Task<IReadOnlyList<SealResult>> SealAsync(
        IReadOnlyList<SealRequest> requests, CancellationToken cancellationToken);
}

/// <summary>
/// The ledger's part in starting and closing auctions in waves. It knows, by the ledger's clock, which auctions are due
/// and when the next ones are, and it gives each due auction to one wave only. Postgres implements it; the simulation
/// has an implementation in memory. Every call may throw <see cref="LedgerUnavailableException"/>: the outcome is then
/// unknown, and a repeated call finds it out.
/// </summary>
public interface ILedgerWaves
{
    /// <summary>
    /// Starts the given auctions, if they are scheduled, their start has come, and no other transaction has locked
    /// them.
    /// </summary>
    /// <returns>The auctions that this call started.</returns>
    Task<List<Guid>> StartAsync(IReadOnlyList<Guid> auctionIds, CancellationToken cancellationToken);

    /// <summary>Scheduled auctions whose start has come, the earliest first.</summary>
    /// <param name="aside">Auctions to leave out, so that they do not take the places of others.</param>
    Task<List<Guid>> FindStartingAsync(
        int limit, IReadOnlyCollection<Guid> aside, CancellationToken cancellationToken);

    /// <summary>
    /// Claims auctions whose end has come, the most overdue first. No other wave closes them until the claim is
    /// disposed. If this process dies, its claims end at once.
    /// </summary>
    /// <param name="aside">Auctions to leave out, so that they do not take the places of others.</param>
    Task<DueClaim> ClaimDueAsync(
        int limit, IReadOnlyCollection<Guid> aside, CancellationToken cancellationToken);

    /// <summary>
    /// The future times at which an auction starts or ends, in order. The next waves are due at these times.
    /// </summary>
    /// <param name="aheadUs">How far to look ahead, in microseconds.</param>
    /// <param name="stepUs">
    /// Times are rounded up to a multiple of this, in microseconds, so that one wave takes many auctions.
    /// </param>
    Task<List<long>> FindNextInstantsAsync(long aheadUs, long stepUs, int limit, CancellationToken cancellationToken);
}

/// <summary>Auctions that one wave will close. Other waves skip them until this is disposed.</summary>
/// <param name="auctionIds">The most overdue first.</param>
/// <param name="held">What holds the claim. It is disposed with the claim, in this order.</param>
public sealed class DueClaim(IReadOnlyList<Guid> auctionIds, params IReadOnlyList<IAsyncDisposable> held)
    : IAsyncDisposable
{
    /// <summary>The most overdue first.</summary>
    public IReadOnlyList<Guid> AuctionIds { get; } = auctionIds;

    public async ValueTask DisposeAsync()
    {
        foreach (var part in held) await part.DisposeAsync();
    }
}
