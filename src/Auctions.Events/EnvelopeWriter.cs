using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Auctions.Events;

/// <summary>
/// Writes envelopes as Debezium's Postgres connector does with <c>JsonConverter</c> and <c>schemas.enable=false</c>.
/// One writer writes many messages, on one thread. The caller writes the columns of a row to <see cref="Row"/>, between
/// <see cref="BeginBefore"/> or <see cref="BeginAfter"/> and <see cref="End"/>.
/// </summary>
public sealed class EnvelopeWriter : IDisposable
{
    private const string ConnectorVersion = "2.5.0.Final";

    private static readonly JsonWriterOptions Options = new()
    {
        // Debezium escapes only quotes, backslashes and control characters.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private readonly ArrayBufferWriter<byte> _buffer = new(2048);
    private readonly Utf8JsonWriter _json;
    private bool _hasAfter;

    public EnvelopeWriter() => _json = new Utf8JsonWriter(_buffer, Options);

    /// <summary>Takes the columns of a row: a name and a value each.</summary>
    public Utf8JsonWriter Row => _json;

    private bool IsEmpty => _json.BytesCommitted + _json.BytesPending == 0;

    /// <summary>Starts an envelope with the row before the change.</summary>
    public void BeginBefore()
    {
        Begin();
        _json.WriteStartObject("before"u8);
    }

    /// <summary>Starts the row after the change. Without a row before it, this starts the envelope.</summary>
    public void BeginAfter()
    {
        if (IsEmpty)
        {
            Begin();
            _json.WriteNull("before"u8);
        }
        else
        {
            _json.WriteEndObject();
        }

        _hasAfter = true;
        _json.WriteStartObject("after"u8);
    }

    /// <summary>Ends the row and the envelope, and returns the message. The next envelope may begin.</summary>
    /// <param name="operation">What happened to the row.</param>
    /// <param name="source">Where and when it happened.</param>
    /// <param name="timestampMs">Now, in milliseconds since 1970 UTC.</param>
    public byte[] End(ChangeOperation operation, in ChangeSource source, long timestampMs)
    {
        _json.WriteEndObject();
        if (!_hasAfter) _json.WriteNull("after"u8);
        WriteSource(source);
        _json.WriteString("op"u8, Letter(operation));
        _json.WriteNumber("ts_ms"u8, timestampMs);
        _json.WriteNull("transaction"u8);
        _json.WriteEndObject();
        _json.Flush();
        var message = _buffer.WrittenSpan.ToArray();
        Reset();
        return message;
    }

    /// <summary>The value of a heartbeat.</summary>
    public static byte[] Heartbeat(long timestampMs) =>
        JsonSerializer.SerializeToUtf8Bytes(new { ts_ms = timestampMs });

    /// <summary>The key of a heartbeat.</summary>
    public static byte[] HeartbeatKey() =>
        JsonSerializer.SerializeToUtf8Bytes(new { serverName = KafkaTopics.Prefix });

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();

    private void Begin()
    {
        if (!IsEmpty) throw new InvalidOperationException("The last envelope was not ended.");
        _json.WriteStartObject();
    }

    private void Reset()
    {
        _hasAfter = false;
        _buffer.ResetWrittenCount();
        _json.Reset(_buffer);
    }

    private void WriteSource(in ChangeSource source)
    {
        _json.WriteStartObject("source"u8);
        _json.WriteString("version"u8, ConnectorVersion);
        _json.WriteString("connector"u8, "postgresql"u8);
        _json.WriteString("name"u8, KafkaTopics.Prefix);
        _json.WriteNumber("ts_ms"u8, source.TimestampMs);
        _json.WriteString("snapshot"u8, source.IsSnapshot ? "true"u8 : "false"u8);
        _json.WriteString("db"u8, source.Database);
        // A JSON array as text: the LSN of the last commit, and the LSN of the change.
        var last = source.LastCommitLsn == 0 ? "null" : $"\"{source.LastCommitLsn}\"";
        _json.WriteString("sequence"u8, $"[{last},\"{source.Lsn}\"]");
        _json.WriteString("schema"u8, source.Schema);
        _json.WriteString("table"u8, source.Table);
        if (source.TransactionId is { } id) _json.WriteNumber("txId"u8, id);
        else _json.WriteNull("txId"u8);
        _json.WriteNumber("lsn"u8, source.Lsn);
        _json.WriteNull("xmin"u8);
        _json.WriteEndObject();
    }

    private static ReadOnlySpan<byte> Letter(ChangeOperation operation) => operation switch
    {
        ChangeOperation.Create => "c"u8,
        ChangeOperation.Update => "u"u8,
        ChangeOperation.Delete => "d"u8,
        ChangeOperation.Read => "r"u8,
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };
}
