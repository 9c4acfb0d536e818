using System.Text.Json;

namespace Auctions.Events;

/// <summary>Finds the parts of an envelope in one pass over its bytes.</summary>
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
        var operation = _operation ?? throw new MalformedEnvelopeException("op", "it is missing.");
        var source = _source ?? throw new MalformedEnvelopeException("source", "it is missing.");
        if (operation == ChangeOperation.Delete ? _before.IsEmpty : _after.IsEmpty)
        {
            throw new MalformedEnvelopeException(operation == ChangeOperation.Delete ? "before" : "after", "it is missing.");
        }

        return new Change
        {
            Operation = operation,
            Source = source,
            Before = _before,
            After = operation == ChangeOperation.Delete ? default : _after,
            TimestampMs = _timestampMs,
        };
    }

    // Stands on the opening brace of the envelope; leaves on its closing brace.
    private void ReadEnvelope()
    {
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            if (_json.ValueTextEquals("payload"u8)) ReadPayload();
            else if (_json.ValueTextEquals("before"u8)) _before = ReadRow("before");
            else if (_json.ValueTextEquals("after"u8)) _after = ReadRow("after");
            else if (_json.ValueTextEquals("op"u8)) _operation = ReadOperation();
            else if (_json.ValueTextEquals("ts_ms"u8)) _timestampMs = JsonField.Int64OrNull(ref _json, "ts_ms") ?? 0;
            else if (_json.ValueTextEquals("source"u8)) _source = ReadSource();
            else _json.Skip();
        }
    }

    // JsonConverter with schemas: {"schema": {...}, "payload": <envelope>}.
    private void ReadPayload()
    {
        _json.Read();
        if (_json.TokenType != JsonTokenType.StartObject) throw new MalformedEnvelopeException("payload", "it is not an object.");
        ReadEnvelope();
    }

    private ReadOnlyMemory<byte> ReadRow(string field)
    {
        _json.Read();
        if (_json.TokenType == JsonTokenType.Null) return default;
        if (_json.TokenType != JsonTokenType.StartObject) throw new MalformedEnvelopeException(field, "it is not an object.");
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
        _json.Read();
        if (_json.TokenType != JsonTokenType.StartObject) throw new MalformedEnvelopeException("source", "it is not an object.");
        string? table = null, schema = null, database = null;
        long? lsn = null, transaction = null, timestamp = null;
        var snapshot = false;
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            if (_json.ValueTextEquals("table"u8)) table = JsonField.Name(ref _json, "source.table");
            else if (_json.ValueTextEquals("schema"u8)) schema = JsonField.Name(ref _json, "source.schema");
            else if (_json.ValueTextEquals("db"u8)) database = JsonField.Name(ref _json, "source.db");
            else if (_json.ValueTextEquals("lsn"u8)) lsn = JsonField.Int64OrNull(ref _json, "source.lsn");
            else if (_json.ValueTextEquals("txId"u8)) transaction = JsonField.Int64OrNull(ref _json, "source.txId");
            else if (_json.ValueTextEquals("ts_ms"u8)) timestamp = JsonField.Int64OrNull(ref _json, "source.ts_ms");
            else if (_json.ValueTextEquals("snapshot"u8)) snapshot = ReadSnapshot();
            else _json.Skip();
        }

        return new ChangeSource
        {
            Table = table ?? throw new MalformedEnvelopeException("source.table", "it is missing."),
            Schema = schema ?? "",
            Database = database ?? "",
            Lsn = lsn ?? 0,
            TransactionId = transaction,
            TimestampMs = timestamp ?? 0,
            IsSnapshot = snapshot,
        };
    }

    // "true", "first", "last", "incremental", ... or, from old connectors, a boolean; "false" or null says no.
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
}
