using Auctions.Core;
using Dapper;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>
/// What happens to an auction besides bids: created, changed, sealed (and started: see <see cref="LedgerWaves"/>). Each is an entry of its chain, appended under the
/// same lock of its row as bids are. Every call may throw <see cref="LedgerUnavailableException"/>: the outcome is then not known, and
/// the same call again finds out.
/// </summary>
public sealed class LedgerLifecycle(NpgsqlDataSource source)
{
    /// <summary>In an auction's last 12 hours its seller cannot end it, once there is a bid that would win.</summary>
    public static readonly TimeSpan SellerBound = TimeSpan.FromHours(12);

    private static readonly string LockSql = EmbeddedSql.Statement("lock");
    private static readonly string CreateSql = EmbeddedSql.Statement("create");
    private static readonly string AmendSql = EmbeddedSql.Statement("amend");

    private readonly LedgerConnections _connections = new(source);

    /// <summary>Tests take guards out of it.</summary>
    internal string SealSql { get; init; } = EmbeddedSql.Statement("seal");

    /// <summary>Creates an auction, once a seller and key.</summary>
    public Task<CreateResult> CreateAsync(NewAuction auction, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            var terms = auction.Terms;
            await using var insert = connection.Command(CreateSql, auction.Id, auction.Key, auction.Digest,
                auction.Title, auction.Description, auction.MediaUrls.ToArray(), auction.Category, auction.PostId,
                terms.SellerId, terms.Currency, terms.Opening, terms.Reserve, terms.BuyNow, terms.Increment.ToString(),
                terms.SoftClose.WindowUs, terms.SoftClose.ExtensionUs, terms.SoftClose.MaxExtensions, terms.StartUs,
                auction.EndUs, auction.CreatedUs);
            var created = await insert.ExecuteScalarAsync(cancellationToken) is not null;

            await using var read = connection.Command(
                $"select {AuctionRow.Columns} from auctions where seller_id = $1 and create_key = $2", terms.SellerId, auction.Key);
            var row = (await ReadRowsAsync(read, cancellationToken)).Single();
            return new CreateResult(
                created ? CreateOutcome.Created : row.CreateDigest == auction.Digest ? CreateOutcome.AlreadyCreated : CreateOutcome.KeyReused, row);
        }, cancellationToken);

    /// <summary>The auction's row; null where there is none.</summary>
    public async Task<AuctionRow?> ReadAuctionAsync(Guid auctionId, CancellationToken cancellationToken) =>
        (await ReadAuctionsAsync([auctionId], cancellationToken)).SingleOrDefault();

    /// <summary>The rows of those auctions that there are, in no order.</summary>
    public Task<IReadOnlyList<AuctionRow>> ReadAuctionsAsync(IReadOnlyList<Guid> auctionIds, CancellationToken cancellationToken) =>
        _connections.UseAsync(connection => ReadAuctionsAsync(connection, [.. auctionIds], cancellationToken), cancellationToken);

    /// <summary>Changes texts, pictures and, before the first bid, terms.</summary>
    /// <param name="expectedVersion">The version of the auction that new terms were made from.</param>
    public Task<AmendResult> AmendAsync(Guid auctionId, long expectedVersion, Amendment amendment, long nowUs, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await LockAsync(connection, [auctionId], cancellationToken);
            var row = (await ReadAuctionsAsync(connection, [auctionId], cancellationToken)).SingleOrDefault();
            if (row is null) return new AmendResult(AmendOutcome.NoSuchAuction, null);

            var terms = amendment.Terms ?? row.Head.Terms;
            var endUs = amendment.EndUs ?? row.OriginalEndUs;
            if (terms != row.Head.Terms || endUs != row.OriginalEndUs)
            {
                if (row.Head.State.IsOver || nowUs >= row.Head.State.EndUs) return new AmendResult(AmendOutcome.Over, row);
                if (row.Head.State.BidCount > 0) return new AmendResult(AmendOutcome.HasBids, row);
                if (row.Head.Version != expectedVersion) return new AmendResult(AmendOutcome.Moved, row);
            }

            // Not the ledger's own writing, so that the trigger appends the entry; it says who.
            await connection.ExecuteAsync("select set_config('auctions.writer', 'lifecycle', true)", transaction: transaction);
            await using var update = connection.Command(AmendSql, auctionId,
                amendment.Title ?? row.Title, amendment.Description ?? row.Description, (amendment.MediaUrls ?? row.MediaUrls).ToArray(),
                amendment.Category ?? row.Category, amendment.PostId ?? row.PostId,
                terms.Currency, terms.Opening, terms.Reserve, terms.BuyNow, terms.Increment.ToString(),
                terms.SoftClose.WindowUs, terms.SoftClose.ExtensionUs, terms.SoftClose.MaxExtensions, terms.StartUs, endUs, nowUs);
            await update.ExecuteNonQueryAsync(cancellationToken);
            var after = await ReadAuctionsAsync(connection, [auctionId], cancellationToken);
            await transaction.CommitAsync(cancellationToken);
            return new AmendResult(AmendOutcome.Amended, after.Single());
        }, cancellationToken);

    /// <summary>Seals one auction: see <see cref="SealAsync(IReadOnlyList{SealRequest}, CancellationToken)"/>.</summary>
    public async Task<SealResult> SealAsync(SealRequest request, CancellationToken cancellationToken) => (await SealAsync([request], cancellationToken))[0];

    /// <summary>
    /// Appends the sealing entries, with the winners, on the heads as they are under the lock. Sealing again changes nothing.
    /// </summary>
    /// <param name="requests">No auction twice.</param>
    /// <returns>One result a request, in order.</returns>
    public Task<IReadOnlyList<SealResult>> SealAsync(IReadOnlyList<SealRequest> requests, CancellationToken cancellationToken) =>
        _connections.UseAsync(async connection =>
        {
            Guid[] ids = [.. requests.Select(r => r.AuctionId)];
            await using var batch = new NpgsqlBatch(connection)
            {
                BatchCommands =
                {
                    LedgerCommands.Part(LockSql, ids),
                    LedgerCommands.Part(SealSql, ids, requests.Select(r => EnumText.Of(r.Cause)).ToArray(), requests.Select(r => r.NowUs).ToArray(),
                        requests.Select(r => r.CancelReason).ToArray(), (long)SellerBound.TotalMicroseconds),
                    LedgerCommands.Part($"select {AuctionRow.Columns} from auctions where id = any($1)", ids),
                },
            };
            await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
            await rows.NextResultAsync(cancellationToken);
            var outcomes = new SealOutcome[ids.Length];
            while (await rows.ReadAsync(cancellationToken)) outcomes[rows.GetInt64(0) - 1] = ParseSealOutcome(rows.GetString(1));
            await rows.NextResultAsync(cancellationToken);
            var auctions = new Dictionary<Guid, AuctionRow>();
            while (await rows.ReadAsync(cancellationToken)) auctions.Add(rows.GetGuid(0), AuctionRow.Read(rows));
            await rows.NextResultAsync(cancellationToken); // past the end: committed
            return (IReadOnlyList<SealResult>)[.. outcomes.Select((o, i) => new SealResult(o, auctions.GetValueOrDefault(ids[i])))];
        }, cancellationToken);

    private static async Task<IReadOnlyList<AuctionRow>> ReadAuctionsAsync(NpgsqlConnection connection, Guid[] ids, CancellationToken cancellationToken)
    {
        await using var command = connection.Command($"select {AuctionRow.Columns} from auctions where id = any($1)", ids);
        return await ReadRowsAsync(command, cancellationToken);
    }

    private static async Task<List<AuctionRow>> ReadRowsAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var auctions = new List<AuctionRow>();
        while (await rows.ReadAsync(cancellationToken)) auctions.Add(AuctionRow.Read(rows));
        return auctions;
    }

    private static async Task LockAsync(NpgsqlConnection connection, Guid[] ids, CancellationToken cancellationToken)
    {
        await using var command = connection.Command(LockSql, ids);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static SealOutcome ParseSealOutcome(string word) => word switch
    {
        "sealed" => SealOutcome.Sealed,
        "over" => SealOutcome.AlreadyOver,
        "not_yet" => SealOutcome.NotYet,
        "too_late" => SealOutcome.TooLate,
        "missing" => SealOutcome.NoSuchAuction,
        _ => throw new InvalidOperationException($"The sealing said '{word}'."),
    };
}
