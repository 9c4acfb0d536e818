using Auctions.Events;

namespace DevStack.Relay;

/// <summary>A published table: where its changes go, and which column is the key of its messages.</summary>
public sealed class RelayedTable
{
    // As the connector's message.key.columns: the auction's id in either table.
    private static readonly Dictionary<string, string> KeyColumns = new()
    {
        ["public.auctions"] = "id",
        ["public.ledger"] = "auction_id",
    };

    private RelayedTable(string schema, string name, Column[] columns, int keyIndex)
    {
        Schema = schema;
        Name = name;
        Columns = columns;
        KeyIndex = keyIndex;
        Topic = $"{KafkaTopics.Prefix}.{schema}.{name}";
    }

    /// <summary>The schema.</summary>
    public string Schema { get; }

    /// <summary>The name, without the schema.</summary>
    public string Name { get; }

    /// <summary>The published columns, in the order in which they come.</summary>
    public IReadOnlyList<Column> Columns { get; }

    /// <summary>Which of them is the key.</summary>
    public int KeyIndex { get; }

    /// <summary>Where the changes go.</summary>
    public string Topic { get; }

    /// <summary>The table; null for one that is published and not known here.</summary>
    /// <exception cref="InvalidOperationException">The key is not among the columns.</exception>
    public static RelayedTable? Create(string schema, string name, IEnumerable<Column> columns)
    {
        if (!KeyColumns.TryGetValue($"{schema}.{name}", out var key)) return null;
        Column[] all = [.. columns];
        var index = Array.FindIndex(all, c => c.Name == key);
        if (index < 0) throw new InvalidOperationException($"The publication leaves out {schema}.{name}.{key}, the key of its messages.");
        return new RelayedTable(schema, name, all, index);
    }
}
