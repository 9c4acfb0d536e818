using System.Text;
using Auctions.Events;
using DevStack.Relay;

namespace Auctions.IntegrationTests.Events;

/// <summary>We write envelopes and keys as Debezium does, and read every form that it may write.</summary>
public sealed class EnvelopeTests
{
    private static readonly Guid Auction = new("11111111-1111-1111-1111-111111111111");

    private static readonly Column[] Columns =
    [
        new("id", 2950), new("title", 25), new("media_urls", 1009), new("version", 20), new("extensions", 23),
        new("small", 21), new("reserve_met", 16), new("recorded_at", 1184),
    ];

    private static readonly ChangeSource Source = new()
    {
        Schema = "public",
        Table = "auctions",
        Database = "auctions",
        Lsn = 33000408,
        LastCommitLsn = 33000000,
        TransactionId = 771,
        TimestampMs = 1767323045500,
    };

    private readonly EnvelopeWriter _writer = new();

    [Fact]
    public void A_create_is_written_as_Debezium_writes_it()
    {
        _writer.BeginAfter();
        Write(
            "11111111-1111-1111-1111-111111111111", "Lámpara \"A\"\\ 1/2 <b>", "{a,\"b, c\",NULL}", "4", "1", "2", "t",
            "2026-01-02 03:04:05.5+00");
        AssertGolden("create", _writer.End(ChangeOperation.Create, Source, 1767323045731));
    }

    [Fact]
    public void An_update_marks_the_columns_that_it_did_not_get()
    {
        _writer.BeginAfter();
        Columns[0].Write(_writer.Row, "11111111-1111-1111-1111-111111111111");
        Columns[1].WriteUnavailable(_writer.Row);
        Columns[2].WriteUnavailable(_writer.Row);
        Columns[3].Write(_writer.Row, "5");
        Columns[4].Write(_writer.Row, "1");
        Columns[5].WriteNull(_writer.Row);
        Columns[6].Write(_writer.Row, "f");
        Columns[7].Write(_writer.Row, "2026-01-02 03:04:05+00");
        AssertGolden("update", _writer.End(ChangeOperation.Update, Source, 1767323045731));
    }

    [Fact]
    public void A_delete_has_the_key_before_and_nothing_after()
    {
        _writer.BeginBefore();
        Write("11111111-1111-1111-1111-111111111111", null, null, null, null, null, null, null);
        AssertGolden("delete", _writer.End(ChangeOperation.Delete, Source, 1767323045731));
    }

    [Fact]
    public void A_snapshot_reads_rows()
    {
        _writer.BeginAfter();
        Write(
            "11111111-1111-1111-1111-111111111111", "A lamp", "{}", "9223372036854775807", "-1", "0", "false",
            "infinity");
        var source = Source with { IsSnapshot = true, LastCommitLsn = 0, TransactionId = null };
        AssertGolden("read", _writer.End(ChangeOperation.Read, source, 1767323045731));
    }

    [Fact]
    public void A_writer_writes_many_envelopes()
    {
        A_delete_has_the_key_before_and_nothing_after();
        A_create_is_written_as_Debezium_writes_it();
        A_snapshot_reads_rows();
    }

    [Theory]
    [InlineData("create", ChangeOperation.Create, 4)]
    [InlineData("update", ChangeOperation.Update, 5)]
    [InlineData("read", ChangeOperation.Read, long.MaxValue)]
    public void A_written_envelope_is_read_again(string golden, ChangeOperation operation, long version)
    {
        var change = Change.Parse(Golden(golden));
        Assert.Equal(operation, change.Operation);
        Assert.Equal(Source.Lsn, change.Source.Lsn);
        Assert.Equal("auctions", change.Source.Table);
        Assert.Equal(1767323045731, change.TimestampMs);
        Assert.Equal((Auction, version), IdAndVersion(change.ReadAfter()));
    }

    [Fact]
    public void A_delete_is_read()
    {
        var change = Change.Parse(Golden("delete"));
        Assert.Equal(ChangeOperation.Delete, change.Operation);
        Assert.True(change.After.IsEmpty);
        var row = change.ReadBefore();
        Assert.True(row.Read());
        Assert.Equal(Auction, row.Uuid());
        while (row.Read()) Assert.True(row.IsNull);
    }

    [Fact]
    public void A_newer_connector_with_schemas_and_unknown_fields_is_read()
    {
        var change = Change.Parse(Golden("newer-connector"));
        Assert.Equal(ChangeOperation.Read, change.Operation);
        Assert.True(change.Source.IsSnapshot);
        Assert.Equal((Auction, 7), IdAndVersion(change.ReadAfter()));
    }

    [Fact]
    public void Every_kind_of_column_is_read()
    {
        var recordedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 500, TimeSpan.Zero);
        var row = Change.Parse(Golden("create")).ReadAfter();
        var seen = 0;
        while (row.Read())
        {
            seen++;
            if (row.Is("title"u8)) Assert.Equal("Lámpara \"A\"\\ 1/2 <b>", row.Text());
            else if (row.Is("media_urls"u8)) Assert.Equal(["a", "b, c", ""], NullAsEmpty(ref row));
            else if (row.Is("small"u8)) Assert.Equal(2, row.Int32());
            else if (row.Is("reserve_met"u8)) Assert.True(row.Boolean());
            else if (row.Is("recorded_at"u8)) Assert.Equal(recordedAt, row.Timestamp());
        }

        Assert.Equal(Columns.Length, seen);
    }

    [Theory]
    [InlineData("{}", "op")]
    [InlineData("[]", "$")]
    [InlineData("{\"op\":", "$")]
    [InlineData("{\"op\":\"x\"}", "op")]
    [InlineData("{\"op\":\"c\",\"after\":{}}", "source")]
    [InlineData("{\"op\":\"c\",\"after\":3}", "after")]
    [InlineData("{\"op\":\"c\",\"after\":{},\"source\":{}}", "source.table")]
    [InlineData("{\"op\":\"c\",\"after\":{},\"source\":{\"table\":\"t\",\"lsn\":\"x\"}}", "source.lsn")]
    [InlineData("{\"op\":\"c\",\"after\":null,\"source\":{\"table\":\"t\"}}", "after")]
    [InlineData("{\"op\":\"d\",\"after\":{\"id\":1},\"source\":{\"table\":\"t\"}}", "before")]
    [InlineData("{\"payload\":7}", "payload")]
    public void The_error_about_a_malformed_envelope_names_the_field(string message, string field)
    {
        var e = Assert.Throws<MalformedEnvelopeException>(() => Change.Parse(Encoding.UTF8.GetBytes(message)));
        Assert.Equal(field, e.Field);
    }

    [Fact]
    public void The_error_about_a_column_of_another_type_names_the_column()
    {
        var change = Change.Parse(Golden("create"));
        var e = Assert.Throws<MalformedEnvelopeException>(() =>
        {
            var row = change.ReadAfter();
            while (row.Read())
            {
                if (row.Is("title"u8)) row.Int64();
            }
        });
        Assert.Equal("after.title", e.Field);
    }

    [Theory]
    [InlineData("11111111-1111-1111-1111-111111111111")]
    [InlineData("\"11111111-1111-1111-1111-111111111111\"")]
    [InlineData("{\"id\":\"11111111-1111-1111-1111-111111111111\"}")]
    [InlineData("{\"auction_id\":\"11111111-1111-1111-1111-111111111111\"}")]
    [InlineData("{\"schema\":{\"type\":\"struct\"},\"payload\":{\"id\":\"11111111-1111-1111-1111-111111111111\"}}")]
    public void A_key_is_read_in_every_form_that_a_connector_sends(string key) =>
        Assert.Equal(Auction, EventKey.Parse(Encoding.UTF8.GetBytes(key)));

    [Theory]
    [InlineData("")]
    [InlineData("7")]
    [InlineData("{}")]
    [InlineData("not-a-uuid")]
    [InlineData("{\"id\":\"x\"}")]
    public void A_key_without_an_id_is_malformed(string key)
    {
        var e = Assert.Throws<MalformedEnvelopeException>(() => EventKey.Parse(Encoding.UTF8.GetBytes(key)));
        Assert.Equal("key", e.Field);
    }

    [Fact]
    public void Tombstones_and_heartbeats_are_not_changes()
    {
        var tombstone = EventRecord.Parse(KafkaTopics.Auctions, 0, 0, EventKey.Of(Auction), null);
        Assert.Equal(EventRecordKind.Tombstone, tombstone.Kind);
        var heartbeat = EventRecord.Parse(
            KafkaTopics.Heartbeat, 0, 0, EnvelopeWriter.HeartbeatKey(), EnvelopeWriter.Heartbeat(1));
        Assert.Equal((EventRecordKind.Heartbeat, Guid.Empty), (heartbeat.Kind, heartbeat.AuctionId));
        Assert.Equal("{\"ts_ms\":1}", Encoding.UTF8.GetString(EnvelopeWriter.Heartbeat(1)));
    }

    private static (Guid Id, long Version) IdAndVersion(RowReader row)
    {
        var (id, version) = (Guid.Empty, 0L);
        while (row.Read())
        {
            if (row.Is("id"u8)) id = row.Uuid();
            else if (row.Is("version"u8)) version = row.Int64();
        }

        return (id, version);
    }

    private static string[] NullAsEmpty(ref RowReader row) => [.. row.TextsOrNulls().Select(t => t ?? "")];

    private static byte[] Golden(string name) => Encoding.UTF8.GetBytes(GoldenText(name));

    private static string GoldenText(string name) =>
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Events", "Golden", $"{name}.json")).TrimEnd('\n');

    private static void AssertGolden(string name, byte[] message) =>
        Assert.Equal(GoldenText(name), Encoding.UTF8.GetString(message));

    private void Write(params string?[] values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i] is { } text) Columns[i].Write(_writer.Row, text);
            else Columns[i].WriteNull(_writer.Row);
        }
    }
}
