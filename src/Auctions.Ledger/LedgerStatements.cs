using System.Reflection;

namespace Auctions.Ledger;

/// <summary>
/// Every statement that the services run on the ledger. A property has the name of its file in <c>Sql/</c>. The classes
/// that run statements take this record in their constructors, so that tests can change a statement.
/// </summary>
public sealed record LedgerStatements
{
    public string Amend { get; init; } = EmbeddedSql.Statement("amend");
    public string AnswersPage { get; init; } = EmbeddedSql.Statement("answers_page");
    public string AnswersToKeys { get; init; } = EmbeddedSql.Statement("answers_to_keys");
    public string Append { get; init; } = EmbeddedSql.Statement("append");
    public string AuctionAsText { get; init; } = EmbeddedSql.Statement("auction_as_text");
    public string AuctionByKey { get; init; } = EmbeddedSql.Statement("auction_by_key");
    public string AuctionsById { get; init; } = EmbeddedSql.Statement("auctions_by_id");
    public string AuctionsPage { get; init; } = EmbeddedSql.Statement("auctions_page");
    public string AuditAuctions { get; init; } = EmbeddedSql.Statement("audit_auctions");
    public string AuditRecords { get; init; } = EmbeddedSql.Statement("audit_records");
    public string BidsPage { get; init; } = EmbeddedSql.Statement("bids_page");
    public string ClaimDue { get; init; } = EmbeddedSql.Statement("claim_due");
    public string Create { get; init; } = EmbeddedSql.Statement("create");
    public string DecisionTimes { get; init; } = EmbeddedSql.Statement("decision_times");
    public string EntriesPage { get; init; } = EmbeddedSql.Statement("entries_page");
    public string FreeAuctions { get; init; } = EmbeddedSql.Statement("free_auctions");
    public string Heads { get; init; } = EmbeddedSql.Statement("heads");
    public string LockAuctions { get; init; } = EmbeddedSql.Statement("lock_auctions");
    public string LockAuctionsWaiting { get; init; } = EmbeddedSql.Statement("lock_auctions_waiting");
    public string NewestRecords { get; init; } = EmbeddedSql.Statement("newest_records");
    public string NextInstants { get; init; } = EmbeddedSql.Statement("next_instants");
    public string RecentAnswers { get; init; } = EmbeddedSql.Statement("recent_answers");
    public string RecordRejections { get; init; } = EmbeddedSql.Statement("record_rejections");
    public string Seal { get; init; } = EmbeddedSql.Statement("seal");
    public string Start { get; init; } = EmbeddedSql.Statement("start");
    public string Starting { get; init; } = EmbeddedSql.Statement("starting");
    public string WarmUp { get; init; } = EmbeddedSql.Statement("warm_up");
    public string TermsByDigest { get; init; } = EmbeddedSql.Statement("terms_by_digest");
}

/// <summary>The files of <c>Sql/</c> and <c>Migrations/</c>, which are embedded in the assembly.</summary>
internal static class EmbeddedSql
{
    private const string Root = "Auctions.Ledger.";

    private static Assembly Assembly => typeof(EmbeddedSql).Assembly;

    /// <summary>
    /// A statement by its file's name: <c>append</c> is <c>Sql/append.sql</c>. Placeholders such as <c>{head}</c> are
    /// replaced by lists of columns.
    /// </summary>
    public static string Statement(string name) => Read($"{Root}Sql.{name}.sql")
        .Replace("{auction}", AuctionRow.Columns, StringComparison.Ordinal)
        .Replace("{head}", StoredHead.Columns, StringComparison.Ordinal)
        .Replace("{ledger}", LedgerRow.Columns, StringComparison.Ordinal);

    /// <summary>The migrations in order.</summary>
    public static IEnumerable<Migration> Migrations()
    {
        const string folder = Root + "Migrations.";
        return Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(folder, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(name => Migration.Of(name[folder.Length..], Read(name)));
    }

    /// <summary>
    /// Reads a file, always with LF as its line end, because the checksums of migrations depend on it. Git may have
    /// checked the file out with another line end.
    /// </summary>
    private static string Read(string resource)
    {
        using var stream = Assembly.GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"The assembly has no resource {resource}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
