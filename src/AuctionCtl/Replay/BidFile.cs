using System.Globalization;
using System.Text;
using Auctions.Core;
using Auctions.Grpc;
using CsvHelper;

namespace Auctions.Ctl.Replay;

/// <summary>A proxy bid of the file.</summary>
/// <param name="Line">The line on which its row begins, from 1.</param>
/// <param name="Max">The bidder's ceiling, in cents.</param>
public sealed record RecordedBid(int Line, string Bidder, long Max);

/// <summary>An auction of the file, with its bids in time order. Amounts are in cents.</summary>
/// <param name="Id">Its id in the file.</param>
/// <param name="Reserve">0 if there is none.</param>
/// <param name="Closing">The closing price; null if there is none, because no bid reached the opening price.</param>
public sealed record RecordedAuction(
    string Id, string Item, long Opening, long Reserve, long? Closing, IReadOnlyList<RecordedBid> Bids)
{
    /// <summary>The seller of every replayed auction. No bidder in a file has this name.</summary>
    public const string Seller = "replay/seller";

    /// <summary>The currency of every file.</summary>
    public const string CurrencyCode = "USD";
}

/// <summary>The file is not a valid file of bids. The message names the lines.</summary>
public sealed class BidFileException(string message) : Exception(message);

/// <summary>
/// Reads recorded auctions from CSV as RFC 4180 defines it. Each row is a bid, with the columns
/// <c>auction_id, opening_price, closing_price, bidder, max_bid</c> and optionally <c>item, reserve_price, at_days</c>,
/// in any order; other columns are ignored. A row without bidder and max_bid stands for an auction without bids. The
/// bids of an auction are sorted by at_days; bids with the same at_days keep their order in the file.
/// </summary>
public static class BidFile
{
    private const int ErrorsShown = 20;
    private static readonly string[] Required = ["auction_id", "opening_price", "closing_price", "bidder", "max_bid"];

    /// <exception cref="BidFileException">Names each wrong line (the first 20), or the missing columns.</exception>
    public static IReadOnlyList<RecordedAuction> Read(TextReader text)
    {
        CsvMalformedRecord? malformed = null;
        using var csv = CsvReader.Create(text, new CsvReaderOptions
        {
            Separator = ',',
            HasHeader = false, // the header is read as a record, so that it has a line number
            TrackLineNumbers = true,
            OnMalformedRecord = record => malformed = record,
        });
        if (!ReadRecord()) throw new BidFileException("the file is empty: not even a header");
        ReadHeader(csv);
        var rows = new List<BidRow>();
        var errors = new List<string>();
        while (ReadRecord())
        {
            try
            {
                rows.Add(BidRow.Parse(csv));
            }
            catch (FormatException e)
            {
                errors.Add($"line {csv.LineNumber}: {e.Message}");
            }
        }

        var auctions = rows.GroupBy(row => row.AuctionId, StringComparer.Ordinal)
            .Select(group => Auction([.. group], errors)).ToList();
        if (errors.Count > 0)
        {
            var more = errors.Count > ErrorsShown ? $"\n… and {errors.Count - ErrorsShown} more" : "";
            throw new BidFileException(string.Join('\n', errors.Take(ErrorsShown)) + more);
        }

        return auctions.Count > 0 ? auctions : throw new BidFileException("the file has a header and no row");

        bool ReadRecord()
        {
            var read = csv.Read();
            return malformed is { } found ? throw new BidFileException(QuoteError(csv, found)) : read;
        }
    }

    private static void ReadHeader(CsvReader csv)
    {
        csv.ReadHeader();
        var names = csv.Headers.Select(name => name.Trim().ToLowerInvariant()).ToList();
        if (names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } duplicate)
            throw new BidFileException($"line {csv.LineNumber}: the column '{duplicate.Key}' is there twice");
        var missing = Required.Except(names).ToList();
        if (missing.Count > 0)
        {
            var (lacks, has) = (string.Join(", ", missing), string.Join(", ", names));
            throw new BidFileException($"line {csv.LineNumber}: the header lacks {lacks}; it has {has}");
        }
    }

    /// <summary>CsvHelper recovers from misplaced quotes; here they are errors.</summary>
    private static string QuoteError(CsvReader csv, CsvMalformedRecord malformed)
    {
        var rest = csv.RawRecord[(int)(malformed.ByteOffset - csv.ByteOffset)..];
        _ = Rune.DecodeFromUtf8(rest, out var found, out _);
        return $"line {csv.LineNumber}: " + malformed.Reason switch
        {
            CsvMalformedReason.StrayQuote => "a quote inside a field that does not begin with one",
            CsvMalformedReason.TextAfterClosingQuote => $"'{found}' after a closing quote",
            _ => "the quote is never closed",
        };
    }

    private static RecordedAuction Auction(List<BidRow> rows, List<string> errors)
    {
        // Rows of recorded data contradict each other in places. The first row of an auction gives its opening price.
        var first = rows[0];
        errors.AddRange(rows.Where(row => row.Closing != first.Closing).Select(row =>
            $"line {row.Line}: auction {row.AuctionId} has another closing price than on line {first.Line}"));
        // Every first bid reaches such a reserve, so it has no effect.
        var reserve = first.Reserve > first.Opening ? first.Reserve : 0;
        var bids = rows.Where(row => row.Bidder.Length > 0).OrderBy(row => row.AtDays)
            .Select(row => new RecordedBid(row.Line, row.Bidder, row.Max));
        return new RecordedAuction(first.AuctionId, first.Item, first.Opening, reserve, first.Closing, [.. bids]);
    }

    private sealed record BidRow(
        int Line, string AuctionId, string Item, long Opening, long? Closing, long Reserve, decimal AtDays,
        string Bidder, long Max)
    {
        /// <exception cref="FormatException">The message names the wrong column.</exception>
        public static BidRow Parse(CsvReader csv)
        {
            if (csv.FieldCount != csv.Headers.Count)
                throw new FormatException($"{csv.FieldCount} fields, but the header has {csv.Headers.Count}");

            var (id, bidder, max) = (Text("auction_id"), Text("bidder"), Text("max_bid"));
            if (id.Length == 0) throw new FormatException("auction_id is empty");
            if (bidder.Length == 0 != (max.Length == 0))
                throw new FormatException("bidder and max_bid must be both there or both empty");
            if (bidder.Length > 0 && !Caller.IsSubject(bidder))
            {
                throw new FormatException(
                    $"bidder '{bidder}' is not 1 to {Caller.MaxSubjectLength} printable ASCII characters without "
                    + "a blank");
            }

            return new BidRow(
                (int)csv.LineNumber, id, Text("item"), Price("opening_price"), OptionalPrice("closing_price"),
                OptionalPrice("reserve_price") ?? 0, Days(), bidder, OptionalPrice("max_bid") ?? 0);

            string Text(string column) =>
                csv.TryGetFieldIndex(column, out var index) ? csv.GetString(index).Trim() : "";

            long? OptionalPrice(string column) => Text(column).Length == 0 ? null : Price(column);

            long Price(string column) => Cents.Parse(Text(column)) is { } cents and > 0
                ? cents
                : throw new FormatException(
                    $"{column} '{Text(column)}' is not an amount of at least 0.01 with at most two decimals");

            decimal Days()
            {
                var days = Text("at_days");
                if (days.Length == 0) return 0;
                return decimal.TryParse(days, NumberStyles.Float, CultureInfo.InvariantCulture, out var at)
                    ? at
                    : throw new FormatException($"at_days '{days}' is not a number");
            }
        }
    }
}

/// <summary>Exact conversions between dollars and cents.</summary>
public static class Cents
{
    /// <summary>The cents of an amount in dollars, such as <c>16.75</c>.</summary>
    /// <returns>Null if it is not an amount, is finer than a cent, or above <see cref="Currency.MaxAmount"/>.</returns>
    public static long? Parse(string dollars)
    {
        var culture = CultureInfo.InvariantCulture;
        if (!decimal.TryParse(dollars, NumberStyles.AllowDecimalPoint, culture, out var amount)) return null;
        if (amount > Currency.MaxAmount / 100m) return null;
        return amount * 100 is var cents && cents == decimal.Truncate(cents) ? (long)cents : null;
    }

    /// <summary>The cents of an amount in an answer; 0 if it is missing, -1 if it is not in whole cents.</summary>
    public static long Of(V1.Money? money) => money is null
        ? 0
        : Currency.Find(RecordedAuction.CurrencyCode)!.ToMinor(money.Units, money.Nanos) ?? -1;

    /// <summary>The amount in dollars, with two decimals.</summary>
    public static decimal ToDollars(long cents) => new decimal(cents) / 100m + 0.00m;
}
