using Auctions.Core;
using Dapper;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>The data of an auction that does not exist yet.</summary>
/// <param name="Key">The seller's idempotency key.</param>
/// <param name="Digest">
/// The digest of the seller's request. The same key with another digest is another request.
/// </param>
/// <param name="EndUs">The planned end, after the start, in microseconds since 1970.</param>
/// <param name="StartsAtOnce">
/// Whether it starts when it is created, by the ledger's clock, and not at the start in its terms.
/// </param>
public sealed record NewAuction(
    Guid Id, Guid Key, string Digest, string Title, string Description, IReadOnlyList<string> MediaUrls,
    string Category, string PostId, Terms Terms, long EndUs, bool StartsAtOnce);

public enum CreateOutcome
{
    Created,
    /// <summary>The same request came before. The result has the auction that it created.</summary>
    AlreadyCreated,
    /// <summary>The seller used the key for another request. The result has the auction of that request.</summary>
    KeyReused,
}

public sealed record CreateResult(CreateOutcome Outcome, AuctionRow Auction);

/// <summary>A seller's change of an auction; null = unchanged.</summary>
/// <param name="EndUs">Changes both the planned and the effective end. Microseconds since 1970.</param>
public sealed record Amendment(
    string? Title = null, string? Description = null, IReadOnlyList<string>? MediaUrls = null, string? Category = null,
    string? PostId = null, Terms? Terms = null, long? EndUs = null);

public enum AmendOutcome
{
    Amended,
    NoSuchAuction,
    /// <summary>Another transaction holds the auction's row, and nothing was done.</summary>
    Busy,
    /// <summary>Terms can only change before the first bid.</summary>
    HasBids,
    /// <summary>The auction is sealed or its end has come, so its terms cannot change any more.</summary>
    Over,
    /// <summary>The auction has another version than the one that the seller saw: read it again.</summary>
    VersionChanged,
}

/// <param name="Auction">The auction as it is now; null if it does not exist.</param>
public sealed record AmendResult(AmendOutcome Outcome, AuctionRow? Auction);

/// <param name="Reason">Why it is ended early or cancelled. Everybody may read it.</param>
/// <param name="ByService">
/// Whether somebody with the role <c>service</c> asks, whom <see cref="LedgerLifecycle.SellerBound"/> does not bind.
/// </param>
public sealed record SealRequest(Guid AuctionId, SealCause Cause, string Reason = "", bool ByService = false);

public enum SealOutcome
{
    /// <summary>
    /// This request sealed it. If its end had come, it ended by time and not by the requested cause: see the row.
    /// </summary>
    Sealed,
    /// <summary>It was sealed before: see the row for how.</summary>
    AlreadyOver,
    /// <summary>Its end has not come yet: see the row for when it does.</summary>
    NotYet,
    /// <summary>Its start has not come: it cannot be ended, only cancelled.</summary>
    NotStarted,
    /// <summary>
    /// The seller cannot end it any more: see <see cref="LedgerLifecycle.SellerBound"/>.
    /// </summary>
    TooLate,
    /// <summary>Another transaction holds the auction's row, and nothing was done.</summary>
    Busy,
    NoSuchAuction,
}

/// <param name="Auction">The auction as it is now; null if it does not exist.</param>
public sealed record SealResult(SealOutcome Outcome, AuctionRow? Auction);

/// <summary>
/// Creates, changes and seals auctions (<see cref="LedgerWaves"/> starts them). Each of these steps appends an entry to
/// the auction's chain, under the same row lock as bids and with a time of the ledger's clock. Every call may throw
/// <see cref="LedgerUnavailableException"/>: the outcome is then unknown, and a repeated call finds it out.
/// </summary>
public sealed class LedgerLifecycle(LedgerPools pools, LedgerStatements sql, RowLocks rowLocks)
    : ILedgerLifecycle
{
    /// <summary>
    /// In the last 12 hours of an auction, its seller can neither end nor cancel it if there is a bid that would win.
    /// </summary>
    public static readonly TimeSpan SellerBound = TimeSpan.FromHours(12);

    private readonly LedgerConnections _calls = new(pools.Reads), _closing = new(pools.Closing);

    /// <summary>Creates an auction, at most one for each seller and key.</summary>
    public Task<CreateResult> CreateAsync(NewAuction auction, CancellationToken cancellationToken) =>
        _calls.UseAsync(async connection =>
        {
            var terms = auction.Terms;
            await using var insert = connection.Command(sql.Create, auction.Id, auction.Key, auction.Digest,
                auction.Title, auction.Description, auction.MediaUrls.ToArray(), auction.Category, auction.PostId,
                terms.SellerId, terms.Currency, terms.Opening, terms.Reserve, terms.BuyNow, terms.Increment.ToString(),
                terms.SoftClose.WindowUs, terms.SoftClose.ExtensionUs, terms.SoftClose.MaxExtensions, terms.StartUs,
                auction.EndUs, auction.StartsAtOnce);
            var created = await insert.ExecuteScalarAsync(cancellationToken) is not null;
            var row = await FindAsync(connection, terms.SellerId, auction.Key, cancellationToken);
            var outcome = created ? CreateOutcome.Created
                : row!.CreateDigest == auction.Digest ? CreateOutcome.AlreadyCreated
                : CreateOutcome.KeyReused;
            return new CreateResult(outcome, row!);
        }, cancellationToken);

    /// <summary>The auction that the seller created with this key; null if there is none.</summary>
    public Task<AuctionRow?> FindCreatedAsync(string seller, Guid key, CancellationToken cancellationToken) =>
        _calls.UseAsync(connection => FindAsync(connection, seller, key, cancellationToken), cancellationToken);

    /// <inheritdoc/>
    public async Task<AuctionRow?> ReadAuctionAsync(Guid auctionId, CancellationToken cancellationToken) =>
        (await _calls.UseAsync(c => ReadAsync(c, [auctionId], cancellationToken), cancellationToken)).SingleOrDefault();

    /// <inheritdoc/>
    public Task<List<AuctionRow>> ReadAuctionsAsync(
        IReadOnlyList<Guid> auctionIds, CancellationToken cancellationToken) =>
        _closing.UseAsync(
            connection => ReadAsync(connection, [.. auctionIds], cancellationToken), cancellationToken);

    /// <summary>Changes texts, pictures and, before the first bid, terms.</summary>
    /// <param name="expectedVersion">The version of the auction on which the new terms are based.</param>
    public async Task<AmendResult> AmendAsync(
        Guid auctionId, long expectedVersion, Amendment amendment, CancellationToken cancellationToken)
    {
        var (ran, result) = await rowLocks.TryAsync(auctionId, async (connection, waitMs) =>
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await using (var locking = new NpgsqlBatch(connection))
            {
                foreach (var command in rowLocks.Lock(auctionId, waitMs)) locking.BatchCommands.Add(command);
                await locking.ExecuteNonQueryAsync(cancellationToken);
            }

            var row = (await ReadAsync(connection, [auctionId], cancellationToken)).SingleOrDefault();
            if (row is null) return new AmendResult(AmendOutcome.NoSuchAuction, null);

            var terms = amendment.Terms ?? row.Head.Terms;
            var endUs = amendment.EndUs ?? row.OriginalEndUs;
            if (terms != row.Head.Terms || endUs != row.OriginalEndUs)
            {
                var nowUs = await connection.ExecuteScalarAsync<long>("select now_us()", transaction: transaction);
                var state = row.Head.State;
                if (!state.IsOpen || nowUs >= state.EndUs) return new AmendResult(AmendOutcome.Over, row);
                if (state.BidCount > 0) return new AmendResult(AmendOutcome.HasBids, row);
                if (row.Head.Version != expectedVersion) return new AmendResult(AmendOutcome.VersionChanged, row);
            }

            // With a writer other than 'ledger', the trigger appends the entry. The writer tells the entry's origin.
            await connection.ExecuteAsync(
                "select set_config('auctions.writer', 'lifecycle', true)", transaction: transaction);
            await using var update = connection.Command(sql.Amend, auctionId,
                amendment.Title ?? row.Title, amendment.Description ?? row.Description,
                (amendment.MediaUrls ?? row.MediaUrls).ToArray(),
                amendment.Category ?? row.Category, amendment.PostId ?? row.PostId,
                terms.Currency, terms.Opening, terms.Reserve, terms.BuyNow, terms.Increment.ToString(),
                terms.SoftClose.WindowUs, terms.SoftClose.ExtensionUs, terms.SoftClose.MaxExtensions, terms.StartUs,
                endUs);
            await update.ExecuteNonQueryAsync(cancellationToken);
            var after = await ReadAsync(connection, [auctionId], cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            return new AmendResult(AmendOutcome.Amended, after.Single());
        }, cancellationToken);
        return ran ? result! : new AmendResult(AmendOutcome.Busy, null);
    }

    /// <inheritdoc/>
    public async Task<SealResult> SealAsync(SealRequest request, CancellationToken cancellationToken)
    {
        var (ran, results) = await rowLocks.TryAsync(request.AuctionId, (connection, waitMs) => RunSealAsync(
            connection, rowLocks.Lock(request.AuctionId, waitMs), [request], cancellationToken), cancellationToken);
        return ran ? results![0] : new SealResult(SealOutcome.Busy, null);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<SealResult>> SealAsync(
        IReadOnlyList<SealRequest> requests, CancellationToken cancellationToken)
    {
        try
        {
            return await _closing.UseAsync(connection => RunSealAsync(
                connection, [LedgerCommands.Part(sql.LockAuctions, requests.Select(r => r.AuctionId).ToArray())],
                requests, cancellationToken), cancellationToken);
        }
        catch (PostgresException e) when (LedgerConnections.IsLocked(e))
        {
            return [.. requests.Select(_ => new SealResult(SealOutcome.Busy, null))];
        }
    }

    private async Task<IReadOnlyList<SealResult>> RunSealAsync(
        NpgsqlConnection connection, NpgsqlBatchCommand[] locking, IReadOnlyList<SealRequest> requests,
        CancellationToken cancellationToken)
    {
        Guid[] ids = [.. requests.Select(r => r.AuctionId)];
        await using var batch = new NpgsqlBatch(connection);
        foreach (var command in locking) batch.BatchCommands.Add(command);
        batch.BatchCommands.Add(LedgerCommands.Part(sql.Seal, ids,
            requests.Select(r => EnumText.Of(r.Cause)).ToArray(), requests.Select(r => r.Reason).ToArray(),
            requests.Select(BoundUs).ToArray()));
        batch.BatchCommands.Add(LedgerCommands.Part(sql.AuctionsById, ids));

        await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
        foreach (var _ in locking) await rows.NextResultAsync(cancellationToken);
        var outcomes = new SealOutcome[ids.Length];
        while (await rows.ReadAsync(cancellationToken))
            outcomes[rows.GetInt64(0) - 1] = ParseSealOutcome(rows.GetString(1));
        await rows.NextResultAsync(cancellationToken);
        var auctions = new Dictionary<Guid, AuctionRow>();
        while (await rows.ReadAsync(cancellationToken)) auctions.Add(rows.GetGuid(0), AuctionRow.Read(rows));
        await rows.NextResultAsync(cancellationToken); // after the last result, Postgres has committed
        return [.. outcomes.Select((outcome, i) => new SealResult(outcome, auctions.GetValueOrDefault(ids[i])))];
    }

    private static long BoundUs(SealRequest request) => request.ByService ? -1 : (long)SellerBound.TotalMicroseconds;

    private Task<List<AuctionRow>> ReadAsync(
        NpgsqlConnection connection, Guid[] ids, CancellationToken cancellationToken) =>
        connection.QueryAsync(sql.AuctionsById, AuctionRow.Read, cancellationToken, ids);

    private async Task<AuctionRow?> FindAsync(
        NpgsqlConnection connection, string seller, Guid key, CancellationToken cancellationToken) =>
        (await connection.QueryAsync(sql.AuctionByKey, AuctionRow.Read, cancellationToken, seller, key))
            .SingleOrDefault();

    private static SealOutcome ParseSealOutcome(string word) => word switch
    {
        "sealed" => SealOutcome.Sealed,
        "over" => SealOutcome.AlreadyOver,
        "not_yet" => SealOutcome.NotYet,
        "not_started" => SealOutcome.NotStarted,
        "too_late" => SealOutcome.TooLate,
        "busy" => SealOutcome.Busy,
        "missing" => SealOutcome.NoSuchAuction,
        _ => throw new InvalidOperationException($"The sealing returned the outcome '{word}'."),
    };
}
