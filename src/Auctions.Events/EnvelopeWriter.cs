using System.Buffers;
using System.Text.Json;

namespace Auctions.Events;

/// <summary>
/// Writes envelopes as Debezium's Postgres connector with <c>JsonConverter</c> and <c>schemas.enable=false</c> does. Reused for
/// every message; for one thread. Rows are written by the caller between <see cref="BeginBefore"/> or <see cref="BeginAfter"/> and
/// <see cref="End"/>, by way of <see cref="Row"/>.
/// </summary>
public sealed class EnvelopeWriter : IDisposable
{
    /// <summary>What the block <c>source</c> says of the version of the connector.</summary>
    public const string Version = "2.5.0.Final";

    private static readonly JsonWriterOptions Options = new()
    {
        // Debezium leaves everything but quotes, backslashes and control characters as it is.
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private readonly ArrayBufferWriter<byte> _buffer = new(2048);
    private readonly Utf8JsonWriter _json;
    private bool _hasAfter;

    /// <summary>A writer with nothing written.</summary>
    public EnvelopeWriter() => _json = new Utf8JsonWriter(_buffer, Options);

    /// <summary>Writes the columns of a row: name and value each.</summary>
    public Utf8JsonWriter Row => _json;

    /// <summary>Starts an envelope with a row before.</summary>
    public void BeginBefore()
    {
        Begin();
        _json.WriteStartObject("before"u8);
    }

    /// <summary>Starts the row after: after a row before, or as the first thing of an envelope.</summary>
    public void BeginAfter()
    {
        if (_json.BytesCommitted + _json.BytesPending == 0)
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

    /// <summary>Ends the row and the envelope, and gives the message; the writer is free for the next.</summary>
    /// <param name="operation">What happened to the row.</param>
    /// <param name="source">Where and when.</param>
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
    public static byte[] Heartbeat(long timestampMs) => JsonSerializer.SerializeToUtf8Bytes(new { ts_ms = timestampMs });

    /// <summary>The key of a heartbeat.</summary>
    public static byte[] HeartbeatKey() => JsonSerializer.SerializeToUtf8Bytes(new { serverName = KafkaTopics.Prefix });

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();

    private void Begin()
    {
        if (_json.BytesCommitted + _json.BytesPending != 0) throw new InvalidOperationException("The envelope before was not ended.");
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
        _json.WriteString("version"u8, Version);
        _json.WriteString("connector"u8, "postgresql"u8);
        _json.WriteString("name"u8, KafkaTopics.Prefix);
        _json.WriteNumber("ts_ms"u8, source.TimestampMs);
        _json.WriteString("snapshot"u8, source.IsSnapshot ? "true"u8 : "false"u8);
        _json.WriteString("db"u8, source.Database);
        // A JSON array as text: the last commit's position and the change's.
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
