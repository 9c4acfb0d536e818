using System.Text.Json;
using Auctions.Events;
using Auctions.IntegrationTests.Servers;
using Auctions.Ledger;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Auctions.IntegrationTests.Events;

/// <summary>The configuration of Debezium's connector agrees with the schema and the consumers.</summary>
[Collection(PostgresCollection.Name)]
public sealed class ConnectorTests(PostgresServer postgres)
{
    private static readonly Dictionary<string, string> Connector =
        JsonSerializer.Deserialize<Dictionary<string, string>>(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Events", "auctions-connector.json")))!;

    [Fact]
    public async Task A_snapshot_reads_exactly_the_columns_of_the_publication()
    {
        await using var source = NpgsqlDataSource.Create(await postgres.CreateDatabaseAsync());
        await Migrations.OfThisVersion(source, NullLogger<Migrations>.Instance).RunAsync(CancellationToken.None);
        await using var command = source.CreateCommand("""
            select format('public\.%s\.(%s)', tablename, array_to_string(attnames, '|'))
              from pg_publication_tables where pubname = 'auctions'
            """);
        await using var reader = await command.ExecuteReaderAsync();
        var published = new List<string>();
        while (await reader.ReadAsync()) published.Add(reader.GetString(0));

        Assert.Equal(
            published.Select(Sorted).Order(), Connector["column.include.list"].Split(',').Select(Sorted).Order());
    }

    [Fact]
    public void The_connector_writes_the_topics_and_keys_that_the_consumers_read()
    {
        Assert.Equal(KafkaTopics.Prefix, Connector["topic.prefix"]);
        Assert.Equal(KafkaTopics.Prefix, Connector["slot.name"]);
        Assert.Equal(KafkaTopics.Prefix, Connector["publication.name"]);
        Assert.Equal("disabled", Connector["publication.autocreate.mode"]);
        Assert.Equal(KafkaTopics.PartitionsDefault.ToString(), Connector["topic.creation.default.partitions"]);
        (string, string, string)[] keys =
            [("auctionsKey", KafkaTopics.Auctions, "id"), ("ledgerKey", KafkaTopics.Ledger, "auction_id")];
        foreach (var (key, topic, field) in keys)
        {
            Assert.Equal(field, Connector[$"transforms.{key}.field"]);
            var predicate = Connector[$"transforms.{key}.predicate"];
            Assert.Matches($"^{Connector[$"predicates.{predicate}.pattern"]}$", topic);
            var table = topic[(KafkaTopics.Prefix.Length + 1)..];
            Assert.Contains($"{table}:{field}", Connector["message.key.columns"].Split(';'));
        }
    }

    // The order of the columns does not matter.
    private static string Sorted(string list)
    {
        var open = list.IndexOf('(');
        return list[..open] + string.Join('|', list[(open + 1)..^1].Split('|').Order());
    }
}
