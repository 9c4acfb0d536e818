namespace Auctions.Events;

/// <summary>
/// A change of a row, as Debezium's Postgres connector writes it in JSON, with or without schemas. Unknown fields are skipped.
/// The rows stay JSON, slices of the message: read them with <see cref="RowReader"/>.
/// </summary>
public readonly record struct Change
{
    /// <summary>What happened.</summary>
    public required ChangeOperation Operation { get; init; }

    /// <summary>Where and when.</summary>
    public required ChangeSource Source { get; init; }

    /// <summary>The row before, or its key at least; empty for none. With replica identity DEFAULT only a delete has it.</summary>
    public ReadOnlyMemory<byte> Before { get; init; }

    /// <summary>The row after; empty for none, which is so for deletes alone.</summary>
    public ReadOnlyMemory<byte> After { get; init; }

    /// <summary>When the connector saw it, in milliseconds since 1970 UTC.</summary>
    public long TimestampMs { get; init; }

    /// <summary>Reads a message's value.</summary>
    /// <param name="message">UTF-8 JSON; the result keeps slices of it.</param>
    /// <exception cref="MalformedEnvelopeException">It is not an envelope; the exception names the field.</exception>
    public static Change Parse(ReadOnlyMemory<byte> message) => EnvelopeReader.Read(message);

    /// <summary>A reader over <see cref="After"/>.</summary>
    public RowReader ReadAfter() => new(After.Span, "after");

    /// <summary>A reader over <see cref="Before"/>.</summary>
    public RowReader ReadBefore() => new(Before.Span, "before");
}
