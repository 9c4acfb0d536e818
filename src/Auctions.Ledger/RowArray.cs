using System.Buffers.Binary;
using System.Text;
using Npgsql;
using Npgsql.Internal;
using Npgsql.Internal.Postgres;

namespace Auctions.Ledger;

/// <summary>
/// A parameter: an array of rows of a composite type, in Postgres' binary format. For each bid, Npgsql's own mapping of
/// such types would allocate a kilobyte and take about 2 us longer than one array per column. Instances are reused.
/// </summary>
/// <param name="columns">The number of the type's attributes.</param>
internal sealed class RowArray(int columns)
{
    // Type numbers from pg_type.dat. They are the same in every database.
    private const uint Int8 = 20, Int4 = 23, Text = 25, Uuid = 2950;

    private byte[] _bytes = new byte[4096];
    private int _row;

    public int Count { get; private set; }

    public ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(0, Length);

    public int Length { get; private set; }

    public void Clear() => (Count, Length) = (0, 0);

    /// <summary>
    /// Begins a row. Add all of its attributes in order, then call <see cref="EndRow"/>.
    /// </summary>
    public RowArray BeginRow()
    {
        _row = Length;
        BinaryPrimitives.WriteInt32BigEndian(Next(8)[4..], columns);
        return this;
    }

    public void EndRow()
    {
        BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(_row), Length - _row - 4);
        Count++;
    }

    public RowArray Add(Guid value)
    {
        value.TryWriteBytes(Attribute(Uuid, 16), bigEndian: true, out _);
        return this;
    }

    public RowArray Add(long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(Attribute(Int8, 8), value);
        return this;
    }

    public RowArray Add(int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(Attribute(Int4, 4), value);
        return this;
    }

    public RowArray Add(string value)
    {
        Encoding.UTF8.GetBytes(value, Attribute(Text, Encoding.UTF8.GetByteCount(value)));
        return this;
    }

    private Span<byte> Attribute(uint type, int length)
    {
        var all = Next(8 + length);
        BinaryPrimitives.WriteUInt32BigEndian(all, type);
        BinaryPrimitives.WriteInt32BigEndian(all[4..], length);
        return all[8..];
    }

    private Span<byte> Next(int length)
    {
        if (_bytes.Length - Length < length) Array.Resize(ref _bytes, Math.Max(2 * _bytes.Length, Length + length));
        Length += length;
        return _bytes.AsSpan(Length - length, length);
    }
}

// NPG9001: the interface of Npgsql's plug-ins may change with a version. The code below then does not compile any more.
#pragma warning disable NPG9001

/// <summary>Lets Npgsql write a <see cref="RowArray"/> as a parameter whose type is an array of rows.</summary>
internal sealed class RowArrayResolverFactory : PgTypeInfoResolverFactory
{
    public static void AddTo(NpgsqlDataSourceBuilder builder) =>
        builder.AddTypeInfoResolverFactory(new RowArrayResolverFactory());

    public override IPgTypeInfoResolver CreateResolver() => new Resolver();

    public override IPgTypeInfoResolver? CreateArrayResolver() => null;

    private sealed class Resolver : IPgTypeInfoResolver
    {
        public PgTypeInfo? GetTypeInfo(Type? type, DataTypeName? dataTypeName, PgSerializerOptions options) =>
            type == typeof(RowArray) && dataTypeName is { } name
                ? new PgTypeInfo(options, new Converter(options.GetArrayElementTypeId(name)), name)
                {
                    SupportsReading = false,
                }
                : null;
    }

    /// <summary>Writes the header of a one-dimensional array without nulls, then the rows.</summary>
    private sealed class Converter(PgTypeId rowType) : PgStreamingConverter<RowArray>
    {
        private const int HeaderBytes = 20;

        public override Size GetSize(SizeContext context, RowArray value, ref object? writeState) =>
            HeaderBytes + value.Length;

        public override void Write(PgWriter writer, RowArray value)
        {
            if (writer.ShouldFlush(HeaderBytes)) writer.Flush();
            WriteHeader(writer, value);
            writer.WriteBytes(value.Bytes.Span);
        }

        public override async ValueTask WriteAsync(
            PgWriter writer, RowArray value, CancellationToken cancellationToken = default)
        {
            if (writer.ShouldFlush(HeaderBytes)) await writer.FlushAsync(cancellationToken);
            WriteHeader(writer, value);
            await writer.WriteBytesAsync(value.Bytes, cancellationToken);
        }

        public override RowArray Read(PgReader reader) => throw new NotSupportedException("Rows are only written.");

        public override ValueTask<RowArray> ReadAsync(
            PgReader reader, CancellationToken cancellationToken = default) => new(Read(reader));

        private void WriteHeader(PgWriter writer, RowArray value)
        {
            writer.WriteInt32(1); // dimensions
            writer.WriteInt32(0); // no nulls
            writer.WriteAsOid(rowType);
            writer.WriteInt32(value.Count);
            writer.WriteInt32(1); // the index of the first row
        }
    }
}
