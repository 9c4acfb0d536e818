using System.Text.Json;

namespace Auctions.Events;

/// <summary>Finds the parts of an envelope in one pass over its bytes. The rows in it are not parsed.</summary>
internal ref struct EnvelopeReader
{
    private readonly ReadOnlyMemory<byte> _message;
    private Utf8JsonReader _json;
    private ChangeOperation? _operation;
    private ChangeSource? _source;
    private ReadOnlyMemory<byte> _before;
    private ReadOnlyMemory<byte> _after;
    private long _timestampMs;

    private EnvelopeReader(ReadOnlyMemory<byte> message)
    {
        _message = message;
        _json = new Utf8JsonReader(message.Span);
    }

    internal static Change Read(ReadOnlyMemory<byte> message)
    {
        var reader = new EnvelopeReader(message);
        try
        {
            return reader.ReadMessage();
        }
        catch (JsonException e)
        {
            throw new MalformedEnvelopeException("$", "it is not JSON.", e);
        }
    }

    private Change ReadMessage()
    {
        if (!_json.Read() || _json.TokenType != JsonTokenType.StartObject)
        {
            throw new MalformedEnvelopeException("$", "it is not a JSON object.");
        }

        ReadEnvelope();
        var operation = _operation ?? throw Missing("op");
        var source = _source ?? throw Missing("source");
        var isDelete = operation == ChangeOperation.Delete;
        if (isDelete && _before.IsEmpty) throw Missing("before");
        if (!isDelete && _after.IsEmpty) throw Missing("after");
        return new Change
        {
            Operation = operation,
            Source = source,
            Before = _before,
            After = isDelete ? default : _after,
            TimestampMs = _timestampMs,
        };
    }

    /// <summary>Reads from the opening brace of the envelope to its closing brace.</summary>
    private void ReadEnvelope()
    {
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            if (_json.ValueTextEquals("payload"u8)) ReadPayload();
            else if (_json.ValueTextEquals("before"u8)) _before = ReadRow("before");
            else if (_json.ValueTextEquals("after"u8)) _after = ReadRow("after");
            else if (_json.ValueTextEquals("op"u8)) _operation = ReadOperation();
            else if (_json.ValueTextEquals("ts_ms"u8)) _timestampMs = ReadInt64OrNull("ts_ms") ?? 0;
            else if (_json.ValueTextEquals("source"u8)) _source = ReadSource();
            else _json.Skip();
        }
    }

    /// <summary>JsonConverter with schemas writes <c>{"schema": {...}, "payload": envelope}</c>.</summary>
    private void ReadPayload()
    {
        ReadStartObject("payload");
        ReadEnvelope();
    }

    private ReadOnlyMemory<byte> ReadRow(string field)
    {
        _json.Read();
        if (_json.TokenType == JsonTokenType.Null) return default;
        if (_json.TokenType != JsonTokenType.StartObject) throw NotAnObject(field);
        var start = (int)_json.TokenStartIndex;
        _json.Skip();
        return _message[start..(int)_json.BytesConsumed];
    }

    private ChangeOperation ReadOperation()
    {
        _json.Read();
        if (_json.TokenType == JsonTokenType.String)
        {
            if (_json.ValueTextEquals("c"u8)) return ChangeOperation.Create;
            if (_json.ValueTextEquals("u"u8)) return ChangeOperation.Update;
            if (_json.ValueTextEquals("d"u8)) return ChangeOperation.Delete;
            if (_json.ValueTextEquals("r"u8)) return ChangeOperation.Read;
        }

        throw new MalformedEnvelopeException("op", "it is none of c, u, d, r.");
    }

    private ChangeSource ReadSource()
    {
        ReadStartObject("source");
        string? table = null, schema = null, database = null;
        long? lsn = null, transaction = null, timestamp = null;
        var snapshot = false;
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            if (_json.ValueTextEquals("table"u8)) table = ReadName("source.table");
            else if (_json.ValueTextEquals("schema"u8)) schema = ReadName("source.schema");
            else if (_json.ValueTextEquals("db"u8)) database = ReadName("source.db");
            else if (_json.ValueTextEquals("lsn"u8)) lsn = ReadInt64OrNull("source.lsn");
            else if (_json.ValueTextEquals("txId"u8)) transaction = ReadInt64OrNull("source.txId");
            else if (_json.ValueTextEquals("ts_ms"u8)) timestamp = ReadInt64OrNull("source.ts_ms");
            else if (_json.ValueTextEquals("snapshot"u8)) snapshot = ReadSnapshot();
            else _json.Skip();
        }

        return new ChangeSource
        {
            Table = table ?? throw Missing("source.table"),
            Schema = schema ?? "",
            Database = database ?? "",
            Lsn = lsn ?? 0,
            TransactionId = transaction,
            TimestampMs = timestamp ?? 0,
            IsSnapshot = snapshot,
        };
    }

    /// <summary>
    /// The words "true", "first", "last", "incremental" and others mean yes; "false" and null mean no. Old connectors
    /// send a boolean.
    /// </summary>
    private bool ReadSnapshot()
    {
        _json.Read();
        return _json.TokenType switch
        {
            JsonTokenType.String => !_json.ValueTextEquals("false"u8),
            JsonTokenType.True => true,
            JsonTokenType.False or JsonTokenType.Null => false,
            _ => throw new MalformedEnvelopeException("source.snapshot", "it is neither a word nor a boolean."),
        };
    }

    private void ReadStartObject(string field)
    {
        _json.Read();
        if (_json.TokenType != JsonTokenType.StartObject) throw NotAnObject(field);
    }

    private long? ReadInt64OrNull(string field)
    {
        _json.Read();
        if (_json.TokenType == JsonTokenType.Null) return null;
        if (_json.TokenType == JsonTokenType.Number && _json.TryGetInt64(out var value)) return value;
        throw new MalformedEnvelopeException(field, "it is not a 64-bit integer.");
    }

    /// <summary>Every message has these names: the names of our own tables allocate no string.</summary>
    private string? ReadName(string field)
    {
        _json.Read();
        if (_json.TokenType == JsonTokenType.Null) return null;
        if (_json.TokenType != JsonTokenType.String)
        {
            throw new MalformedEnvelopeException(field, "it is not a string.");
        }

        if (_json.ValueTextEquals("auctions"u8)) return "auctions";
        if (_json.ValueTextEquals("ledger"u8)) return "ledger";
        if (_json.ValueTextEquals("public"u8)) return "public";
        return _json.GetString();
    }

    private static MalformedEnvelopeException Missing(string field) => new(field, "it is missing.");

    private static MalformedEnvelopeException NotAnObject(string field) => new(field, "it is not an object.");
}
