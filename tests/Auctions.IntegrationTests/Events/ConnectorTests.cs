using System.Text.Json;
using Auctions.IntegrationTests.Servers;
using Auctions.Events;
using Auctions.Ledger;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Auctions.IntegrationTests.Events;

/// <summary>The configuration of Debezium's connector, against the schema and the consumers.</summary>
[Collection(PostgresCollection.Name)]
public sealed class ConnectorTests(PostgresServer postgres)
{
    private static readonly Dictionary<string, string> Connector = JsonSerializer.Deserialize<Dictionary<string, string>>(
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Events", "auctions-connector.json")))!;

    [Fact]
    public async Task A_snapshot_reads_the_columns_that_the_publication_has_and_no_other()
    {
        await using var source = NpgsqlDataSource.Create(await postgres.CreateDatabaseAsync());
        await Migrations.OfThisVersion(source, NullLogger<Migrations>.Instance).RunAsync(CancellationToken.None);
        await using var command = source.CreateCommand(
            "select format('public\\.%s\\.(%s)', tablename, array_to_string(attnames, '|')) from pg_publication_tables where pubname = 'auctions'");
        await using var reader = await command.ExecuteReaderAsync();
        var published = new List<string>();
        while (await reader.ReadAsync()) published.Add(reader.GetString(0));

        Assert.Equal(published.Select(Sorted).Order(), Connector["column.include.list"].Split(',').Select(Sorted).Order());
    }

    [Fact]
    public void Names_are_those_that_the_consumers_read()
    {
        Assert.Equal(KafkaTopics.Prefix, Connector["topic.prefix"]);
        Assert.Equal(KafkaTopics.Prefix, Connector["slot.name"]);
        Assert.Equal(KafkaTopics.Prefix, Connector["publication.name"]);
        Assert.Equal("disabled", Connector["publication.autocreate.mode"]);
        Assert.Equal(KafkaTopics.PartitionsDefault.ToString(), Connector["topic.creation.default.partitions"]);
        foreach (var (key, topic, field) in new[] { ("auctionsKey", KafkaTopics.Auctions, "id"), ("ledgerKey", KafkaTopics.Ledger, "auction_id") })
        {
            Assert.Equal(field, Connector[$"transforms.{key}.field"]);
            var predicate = Connector[$"transforms.{key}.predicate"];
            Assert.Matches($"^{Connector[$"predicates.{predicate}.pattern"]}$", topic);
            Assert.Contains($"{topic[(KafkaTopics.Prefix.Length + 1)..]}:{field}", Connector["message.key.columns"].Split(';'));
        }
    }

    // The order of the columns is of no account.
    private static string Sorted(string list)
    {
        var open = list.IndexOf('(');
        return list[..open] + string.Join('|', list[(open + 1)..^1].Split('|').Order());
    }
}
