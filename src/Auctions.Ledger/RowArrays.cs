using Npgsql;
using Npgsql.Internal;
using Npgsql.Internal.Postgres;

namespace Auctions.Ledger;

#pragma warning disable NPG9001 // What Npgsql's plug-ins are made with: its shape may change with a version, and then this does not compile.

/// <summary>Lets Npgsql write a <see cref="RowArray"/> where a parameter's type is an array of rows.</summary>
internal sealed class RowArrays : PgTypeInfoResolverFactory
{
    public static void AddTo(NpgsqlDataSourceBuilder builder) => builder.AddTypeInfoResolverFactory(new RowArrays());

    public override IPgTypeInfoResolver CreateResolver() => new Resolver();

    public override IPgTypeInfoResolver? CreateArrayResolver() => null;

    private sealed class Resolver : IPgTypeInfoResolver
    {
        public PgTypeInfo? GetTypeInfo(Type? type, DataTypeName? dataTypeName, PgSerializerOptions options) =>
            type == typeof(RowArray) && dataTypeName is { } name
                ? new PgTypeInfo(options, new Converter(options.GetArrayElementTypeId(name)), name) { SupportsReading = false }
                : null;
    }

    /// <summary>The header of a one-dimensional array from 1 without nulls, and the rows.</summary>
    private sealed class Converter(PgTypeId rowType) : PgStreamingConverter<RowArray>
    {
        private const int HeaderBytes = 20;

        public override Size GetSize(SizeContext context, RowArray value, ref object? writeState) => HeaderBytes + value.Length;

        public override void Write(PgWriter writer, RowArray value)
        {
            if (writer.ShouldFlush(HeaderBytes)) writer.Flush();
            WriteHeader(writer, value);
            writer.WriteBytes(value.Bytes.Span);
        }

        public override async ValueTask WriteAsync(PgWriter writer, RowArray value, CancellationToken cancellationToken = default)
        {
            if (writer.ShouldFlush(HeaderBytes)) await writer.FlushAsync(cancellationToken);
            WriteHeader(writer, value);
            await writer.WriteBytesAsync(value.Bytes, cancellationToken);
        }

        public override RowArray Read(PgReader reader) => throw new NotSupportedException("Rows are written alone.");

        public override ValueTask<RowArray> ReadAsync(PgReader reader, CancellationToken cancellationToken = default) => new(Read(reader));

        private void WriteHeader(PgWriter writer, RowArray value)
        {
            writer.WriteInt32(1); // dimensions
            writer.WriteInt32(0); // no nulls
            writer.WriteAsOid(rowType);
            writer.WriteInt32(value.Count);
            writer.WriteInt32(1); // the first one's index
        }
    }
}
