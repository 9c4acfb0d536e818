namespace Auctions.Ledger;

/// <summary>The statements of <see cref="PostgresLedger"/>. Tests give it some with a guard taken out.</summary>
internal sealed record LedgerStatements
{
    public string Lock { get; init; } = EmbeddedSql.Statement("lock");
    public string Append { get; init; } = EmbeddedSql.Statement("append");
    public string Refuse { get; init; } = EmbeddedSql.Statement("refuse");
    public string AnswersToKeys { get; init; } = EmbeddedSql.Statement("answers_to_keys");
    public string RecentAnswers { get; init; } = EmbeddedSql.Statement("recent_answers");
    public string DecisionTimes { get; init; } = EmbeddedSql.Statement("decision_times");
    public string Head { get; init; } = EmbeddedSql.Statement("head");
    public string Terms { get; init; } = EmbeddedSql.Statement("terms");

    /// <summary>The append without one of its guards.</summary>
    public LedgerStatements Without(string guard)
    {
        return this with { Append = Remove(Append), Refuse = Remove(Refuse) };

        string Remove(string sql) => string.Join('\n', sql.Split('\n').Where(l => !l.EndsWith($"-- guard: {guard}", StringComparison.Ordinal)));
    }
}
