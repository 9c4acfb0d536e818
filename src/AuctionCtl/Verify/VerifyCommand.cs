using System.CommandLine;
using Auctions.Ctl.Deployment;
using Auctions.Ctl.Output;
using Auctions.Ledger;
using Npgsql;
using StackExchange.Redis;

namespace Auctions.Ctl.Verify;

/// <summary><c>verify</c>: checks the invariants on live data.</summary>
public static class VerifyCommand
{
    public static Command Create(TimeProvider timeProvider)
    {
        var json = new Option<bool>("--json") { Description = "Print JSON" };
        var rest = new Option<TimeSpan?>("--rest")
        {
            Description = "How long Redis may stand still and differ from the ledger before this is a violation",
            CustomParser = Durations.Parse,
            DefaultValueFactory = _ => TimeSpan.FromSeconds(5),
        };
        var command = new Command(
            "verify",
            "Checks invariants I1, I3, I4, I5, I6, I9 and I11 on live data: replays every ledger through the rules, "
            + "and compares Redis with it. Exit code: 0 = clean, 1 = an invariant is broken, 2 = could not be checked.")
            { json, rest };
        command.SetAction(async (parse, cancellationToken) =>
        {
            var target = new Target(parse);
            await using var postgres = target.Postgres();
            await using var redis = await ConnectionMultiplexer.ConnectAsync(target.Redis());
            var verification = new Verification(
                postgres, redis.GetDatabase(), parse.GetValue(rest)!.Value, timeProvider);
            VerifyReport report;
            await using (new ProgressLine(verification.Progress, timeProvider))
                report = await verification.RunAsync(cancellationToken);

            if (parse.GetValue(json)) await Console.Out.WriteLineAsync(Json.Of(report));
            else Write(report);
            return report.Violations.Count == 0 ? ExitCode.Clean : ExitCode.Broken;
        });
        return command;
    }

    private static void Write(VerifyReport report)
    {
        var result = report.Violations.Count == 0 ? "every invariant holds." : $"{report.Violations.Count} violations.";
        Console.Out.WriteLine(
            $"{report.Auctions} auctions, {report.Entries} entries and {report.Refusals} rejected bids: {result}");
        ViolationTable.Write(report.Violations);
    }
}

/// <summary>The result of a verification; written as JSON in snake case.</summary>
/// <param name="Entries">Entries of all chains, without rejected bids.</param>
/// <param name="Refusals">Rejected bids.</param>
public sealed record VerifyReport(long Auctions, long Entries, long Refusals, IReadOnlyList<Violation> Violations);

/// <summary>
/// Checks I1, I3, I4, I5, I6, I9 and I11 on live data. It replays every auction's ledger through <c>Auctions.Core</c>,
/// compares the auction's row with the last entry, and Redis' head with the row. It writes nothing.
/// <para>Concurrency: one page after another. Each page is one snapshot of rows and their ledgers.</para>
/// <para>Lifecycle: one run for each instance.</para>
/// <para>Invariants: auctions are read in id order, each once.</para>
/// <para>Bounds: one page of rows and the ledger of one auction in memory.</para>
/// </summary>
/// <param name="rest">How long Redis may stand still and differ before this is a violation.</param>
public sealed class Verification(NpgsqlDataSource postgres, IDatabase redis, TimeSpan rest, TimeProvider timeProvider)
{
    private const int PageSize = 100;
    private readonly List<Violation> _violations = [];
    private readonly LedgerHistory _history = new(LedgerPools.Of(postgres), new LedgerStatements());
    private long _total, _auctions, _entries, _refusals;

    public string Progress() =>
        $"{_auctions}/{_total} auctions, {_entries} entries, {_refusals} rejected bids verified, "
        + $"{_violations.Count} violations";

    public async Task<VerifyReport> RunAsync(CancellationToken cancellationToken)
    {
        await using (var count = postgres.CreateCommand("select count(*) from auctions"))
            _total = (long)(await count.ExecuteScalarAsync(cancellationToken))!;
        var convergence = new RedisConvergenceCheck(_history, redis, rest, timeProvider);
        var ids = _history.ReadAuctionsAsync(cancellationToken).Select(auction => auction.Id);
        await foreach (var page in ids.Chunk(PageSize).WithCancellation(cancellationToken))
        {
            var heads = new List<StoredHead>();
            await _history.AuditAsync(page, auction => heads.Add(Check(auction)), cancellationToken);
            await convergence.CompareAsync(heads);
        }

        await FindOrphansAsync(cancellationToken);
        _violations.AddRange(await convergence.AwaitConvergenceAsync(cancellationToken));
        return new VerifyReport(_auctions, _entries, _refusals, _violations);
    }

    private StoredHead Check(StoredAuction auction)
    {
        _violations.AddRange(AuctionCheck.Of(auction));
        var refusals = auction.Records.Count(record => record.Version is null);
        _auctions++;
        _entries += auction.Records.Count - refusals;
        _refusals += refusals;
        return auction.Row.Stored;
    }

    /// <summary>Ledger records without an auction: there is no foreign key that prevents them.</summary>
    private async Task FindOrphansAsync(CancellationToken cancellationToken)
    {
        await using var command = postgres.CreateCommand(
            """
            select auction_id, count(*) from ledger l
            where not exists (select from auctions a where a.id = l.auction_id) group by auction_id
            """);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            _violations.Add(new Violation(
                "I1", reader.GetGuid(0).ToString(), null,
                $"{reader.GetInt64(1)} records of an auction that does not exist"));
        }
    }
}
