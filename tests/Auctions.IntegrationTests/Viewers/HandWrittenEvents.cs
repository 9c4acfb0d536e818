using System.Text;
using System.Text.Json.Nodes;
using Auctions.Events;
using Auctions.IntegrationTests.Servers;
using Confluent.Kafka;

namespace Auctions.IntegrationTests.Viewers;

/// <summary>Writes change events to a stack's Kafka: any event, any number of times, in any order.</summary>
internal sealed class HandWrittenEvents(TestStack stack) : IDisposable
{
    private readonly IProducer<byte[], byte[]?> _producer = new ProducerBuilder<byte[], byte[]?>(
        new ProducerConfig { BootstrapServers = stack.Kafka.Address, LingerMs = 0 })
        .SetLogHandler((_, _) => { }).Build();

    /// <summary>The columns of an auction's row that the publication contains.</summary>
    public async Task<JsonObject> RowAsync(Guid auctionId)
    {
        await using var command = stack.Database.Source.CreateCommand($"""
            select (select jsonb_object_agg(key, value)
                      from jsonb_each(to_jsonb(a))
                     where key = any(p.attnames::text[]))::text
              from auctions a, pg_publication_tables p
             where a.id = '{auctionId}' and p.pubname = '{KafkaTopics.Prefix}' and p.tablename = 'auctions'
            """);
        return (JsonObject)JsonNode.Parse((string)(await command.ExecuteScalarAsync())!)!;
    }

    /// <summary>Sends the row that is in Postgres, with a change.</summary>
    /// <returns>The partition.</returns>
    public async Task<int> SendAsync(Guid auctionId, Action<JsonObject>? change = null, char operation = 'u')
    {
        var row = await RowAsync(auctionId);
        change?.Invoke(row);
        return await SendAsync(auctionId, row, operation);
    }

    public Task<int> SendAsync(Guid auctionId, JsonObject row, char operation = 'u')
    {
        var envelope = new JsonObject
        {
            ["before"] = null,
            ["after"] = row.DeepClone(),
            ["source"] = new JsonObject
            {
                ["connector"] = "postgresql",
                ["schema"] = "public",
                ["table"] = "auctions",
                ["db"] = "auctions",
                ["lsn"] = 1,
                ["snapshot"] = operation == 'r' ? "true" : "false",
                ["a_new_field"] = new JsonArray(1, new JsonObject()),
            },
            ["op"] = $"{operation}",
            ["ts_ms"] = 1,
            ["transaction"] = null,
        };
        return SendAsync(auctionId, Encoding.UTF8.GetBytes(envelope.ToJsonString()));
    }

    /// <summary>Sends any value; null is a tombstone.</summary>
    public async Task<int> SendAsync(Guid auctionId, byte[]? value) => (await _producer.ProduceAsync(
        KafkaTopics.Auctions, new Message<byte[], byte[]?> { Key = EventKey.Of(auctionId), Value = value })).Partition;

    public void Dispose() => _producer.Dispose();
}
