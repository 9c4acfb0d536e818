using Auctions.Core;
using Dapper;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>An auction to be created.</summary>
/// <param name="Key">The seller's idempotency key.</param>
/// <param name="Digest">Of the seller's request. The same key with another digest is another request.</param>
/// <param name="EndUs">After the start. Microseconds since 1970.</param>
/// <param name="CreatedUs">The auction opens as active if its start is not after this.</param>
public sealed record NewAuction(
    Guid Id, Guid Key, string Digest, string Title, string Description, IReadOnlyList<string> MediaUrls, string Category,
    string PostId, Terms Terms, long EndUs, long CreatedUs);

public enum CreateOutcome
{
    Created,
    /// <summary>The same request came before: its auction.</summary>
    AlreadyCreated,
    /// <summary>The seller used the key for another request: that one's auction.</summary>
    KeyReused,
}

public sealed record CreateResult(CreateOutcome Outcome, AuctionRow Auction);

/// <summary>A seller's change of an auction; null = unchanged.</summary>
/// <param name="EndUs">The end, planned and effective.</param>
public sealed record Amendment(
    string? Title = null, string? Description = null, IReadOnlyList<string>? MediaUrls = null, string? Category = null,
    string? PostId = null, Terms? Terms = null, long? EndUs = null);

public enum AmendOutcome
{
    Amended,
    NoSuchAuction,
    /// <summary>Terms can only change before the first bid.</summary>
    HasBids,
    /// <summary>The auction is sealed, or its end has come: its terms no longer matter.</summary>
    Over,
    /// <summary>The auction is not at the version that the change was made for: read it again.</summary>
    VersionChanged,
}

/// <param name="Auction">As it is now; null if there is none.</param>
public sealed record AmendResult(AmendOutcome Outcome, AuctionRow? Auction);

/// <param name="CancelReason">With <see cref="SealCause.Cancelled"/>.</param>
public sealed record SealRequest(Guid AuctionId, SealCause Cause, string CancelReason = "");

public enum SealOutcome
{
    /// <summary>
    /// Sealed by this request. If its end had come, it ended by time, whatever was asked: the row says how.
    /// </summary>
    Sealed,
    /// <summary>It was sealed before: the row says how.</summary>
    AlreadyOver,
    /// <summary>Its end lies ahead: the row says when.</summary>
    NotYet,
    /// <summary>A seller cannot end it in its last hours, once there is a bid that would win.</summary>
    TooLate,
    NoSuchAuction,
}

/// <param name="Auction">As it is now; null if there is none.</param>
public sealed record SealResult(SealOutcome Outcome, AuctionRow? Auction);

/// <summary>
/// What happens to an auction besides bids: it is created, changed, sealed (and started: see <see
/// cref="LedgerWaves"/>). Each of these is an entry of its chain, appended under the same lock of its row as bids are,
/// at a time of the ledger's clock. Every call may throw <see cref="LedgerUnavailableException"/>: the outcome is then
/// unknown, and the same call finds out.
/// </summary>
public sealed class LedgerLifecycle(NpgsqlDataSource source, LedgerStatements sql)
{
    /// <summary>In an auction's last 12 hours its seller cannot end it, once there is a bid that would win.</summary>
    public static readonly TimeSpan SellerBound = TimeSpan.FromHours(12);

    private readonly LedgerConnections _connections = new(source);

    /// <summary>Creates an auction, once for each seller and key.</summary>
    public Task<CreateResult> CreateAsync(NewAuction auction, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            var terms = auction.Terms;
            await using var insert = connection.Command(sql.Create, auction.Id, auction.Key, auction.Digest,
                auction.Title, auction.Description, auction.MediaUrls.ToArray(), auction.Category, auction.PostId,
                terms.SellerId, terms.Currency, terms.Opening, terms.Reserve, terms.BuyNow, terms.Increment.ToString(),
                terms.SoftClose.WindowUs, terms.SoftClose.ExtensionUs, terms.SoftClose.MaxExtensions, terms.StartUs,
                auction.EndUs, auction.CreatedUs);
            var created = await insert.ExecuteScalarAsync(cancellationToken) is not null;
            var row = await FindAsync(connection, terms.SellerId, auction.Key, cancellationToken);
            var outcome = created ? CreateOutcome.Created
                : row!.CreateDigest == auction.Digest ? CreateOutcome.AlreadyCreated
                : CreateOutcome.KeyReused;
            return new CreateResult(outcome, row!);
        }, cancellationToken);

    /// <summary>What the seller created under that key; null if nothing.</summary>
    public Task<AuctionRow?> FindCreatedAsync(string seller, Guid key, CancellationToken cancellationToken) =>
        _connections.UseAsync(connection => FindAsync(connection, seller, key, cancellationToken), cancellationToken);

    /// <summary>The auction's row; null if there is none.</summary>
    public async Task<AuctionRow?> ReadAuctionAsync(Guid auctionId, CancellationToken cancellationToken) =>
        (await ReadAuctionsAsync([auctionId], cancellationToken)).SingleOrDefault();

    /// <summary>The rows of those auctions that there are, in no order.</summary>
    public Task<List<AuctionRow>> ReadAuctionsAsync(IReadOnlyList<Guid> auctionIds, CancellationToken cancellationToken) =>
        _connections.UseAsync(connection => ReadAsync(connection, [.. auctionIds], cancellationToken), cancellationToken);

    /// <summary>Changes texts, pictures and, before the first bid, terms.</summary>
    /// <param name="expectedVersion">The version of the auction that new terms were made from.</param>
    public Task<AmendResult> AmendAsync(
        Guid auctionId, long expectedVersion, Amendment amendment, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await using (var locked = connection.Command(sql.LockAuctions, new[] { auctionId }))
                await locked.ExecuteNonQueryAsync(cancellationToken);
            var row = (await ReadAsync(connection, [auctionId], cancellationToken)).SingleOrDefault();
            if (row is null) return new AmendResult(AmendOutcome.NoSuchAuction, null);

            var terms = amendment.Terms ?? row.Head.Terms;
            var endUs = amendment.EndUs ?? row.OriginalEndUs;
            if (terms != row.Head.Terms || endUs != row.OriginalEndUs)
            {
                var nowUs = await connection.ExecuteScalarAsync<long>("select now_us()", transaction: transaction);
                if (row.Head.State.IsOver || nowUs >= row.Head.State.EndUs) return new AmendResult(AmendOutcome.Over, row);
                if (row.Head.State.BidCount > 0) return new AmendResult(AmendOutcome.HasBids, row);
                if (row.Head.Version != expectedVersion) return new AmendResult(AmendOutcome.VersionChanged, row);
            }

            // Not as the ledger's own statement, so that the trigger appends the entry. The setting tells the origin.
            await connection.ExecuteAsync("select set_config('auctions.writer', 'lifecycle', true)", transaction: transaction);
            await using var update = connection.Command(sql.Amend, auctionId,
                amendment.Title ?? row.Title, amendment.Description ?? row.Description,
                (amendment.MediaUrls ?? row.MediaUrls).ToArray(),
                amendment.Category ?? row.Category, amendment.PostId ?? row.PostId,
                terms.Currency, terms.Opening, terms.Reserve, terms.BuyNow, terms.Increment.ToString(),
                terms.SoftClose.WindowUs, terms.SoftClose.ExtensionUs, terms.SoftClose.MaxExtensions, terms.StartUs, endUs);
            await update.ExecuteNonQueryAsync(cancellationToken);
            var after = await ReadAsync(connection, [auctionId], cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            return new AmendResult(AmendOutcome.Amended, after.Single());
        }, cancellationToken);

    /// <summary>
    /// Seals one auction: see <see cref="SealAsync(IReadOnlyList{SealRequest}, CancellationToken)"/>.
    /// </summary>
    public async Task<SealResult> SealAsync(SealRequest request, CancellationToken cancellationToken) =>
        (await SealAsync([request], cancellationToken))[0];

    /// <summary>
    /// Appends the sealing entries, with the winners, on the heads as they are under the lock. Sealing again changes
    /// nothing.
    /// </summary>
    /// <param name="requests">No auction twice.</param>
    /// <returns>One result for each request, in order.</returns>
    public Task<IReadOnlyList<SealResult>> SealAsync(
        IReadOnlyList<SealRequest> requests, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            Guid[] ids = [.. requests.Select(r => r.AuctionId)];
            await using var batch = new NpgsqlBatch(connection)
            {
                BatchCommands =
                {
                    LedgerCommands.Part(sql.LockAuctions, ids),
                    LedgerCommands.Part(sql.Seal, ids, requests.Select(r => EnumText.Of(r.Cause)).ToArray(),
                        requests.Select(r => r.CancelReason).ToArray(), (long)SellerBound.TotalMicroseconds),
                    LedgerCommands.Part(sql.AuctionsById, ids),
                },
            };
            await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
            await rows.NextResultAsync(cancellationToken);
            var outcomes = new SealOutcome[ids.Length];
            while (await rows.ReadAsync(cancellationToken)) outcomes[rows.GetInt64(0) - 1] = ParseSealOutcome(rows.GetString(1));
            await rows.NextResultAsync(cancellationToken);
            var auctions = new Dictionary<Guid, AuctionRow>();
            while (await rows.ReadAsync(cancellationToken)) auctions.Add(rows.GetGuid(0), AuctionRow.Read(rows));
            await rows.NextResultAsync(cancellationToken); // behind the last result: committed
            return (IReadOnlyList<SealResult>)
                [.. outcomes.Select((outcome, i) => new SealResult(outcome, auctions.GetValueOrDefault(ids[i])))];
        }, cancellationToken);

    private Task<List<AuctionRow>> ReadAsync(NpgsqlConnection connection, Guid[] ids, CancellationToken cancellationToken) =>
        connection.QueryAsync(sql.AuctionsById, AuctionRow.Read, cancellationToken, ids);

    private async Task<AuctionRow?> FindAsync(
        NpgsqlConnection connection, string seller, Guid key, CancellationToken cancellationToken) =>
        (await connection.QueryAsync(sql.AuctionByKey, AuctionRow.Read, cancellationToken, seller, key)).SingleOrDefault();

    private static SealOutcome ParseSealOutcome(string word) => word switch
    {
        "sealed" => SealOutcome.Sealed,
        "over" => SealOutcome.AlreadyOver,
        "not_yet" => SealOutcome.NotYet,
        "too_late" => SealOutcome.TooLate,
        "missing" => SealOutcome.NoSuchAuction,
        _ => throw new InvalidOperationException($"The sealing returned the outcome '{word}'."),
    };
}
