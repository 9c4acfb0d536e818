using System.Globalization;
using Auctions.Core;

namespace Auctions.Ctl.Replay;

/// <summary>A proxy bid of the file.</summary>
/// <param name="Line">Where it stands.</param>
/// <param name="Max">The bidder's ceiling, in cents.</param>
public sealed record RecordedBid(int Line, string Bidder, long Max);

/// <summary>An auction of the file, with its bids in the order in which they were made. Amounts in cents.</summary>
/// <param name="Id">As the file calls it.</param>
/// <param name="Reserve">0 = none.</param>
/// <param name="Closing">What it closed at; null where the file has none: no bid reached the opening price.</param>
public sealed record RecordedAuction(
    string Id, string Item, long Opening, long Reserve, long? Closing, IReadOnlyList<RecordedBid> Bids);

/// <summary>
/// Reads recorded auctions: a row a bid, with the columns <c>auction_id, opening_price, closing_price, bidder, max_bid</c>
/// and, if there, <c>item, reserve_price, at_days</c>, in any order; others are passed over. A row without bidder and
/// max_bid is an auction that nobody bid in. An auction's rows are put in the order of at_days, equal ones as they stand.
/// </summary>
public static class BidFile
{
    private const int ErrorsShown = 20;
    private static readonly string[] Required = ["auction_id", "opening_price", "closing_price", "bidder", "max_bid"];

    /// <exception cref="CsvException">Names each line that is wrong (the first 20), or the columns that are missing.</exception>
    public static IReadOnlyList<RecordedAuction> Read(TextReader text)
    {
        using var records = CsvRecords.Read(text).GetEnumerator();
        if (!records.MoveNext()) throw new CsvException("the file is empty: not even a header");
        var columns = Columns(records.Current);
        var rows = new List<BidRow>();
        var errors = new List<string>();
        while (records.MoveNext())
        {
            try
            {
                rows.Add(BidRow.Parse(records.Current, columns));
            }
            catch (FormatException e)
            {
                errors.Add($"line {records.Current.Line}: {e.Message}");
            }
        }

        var auctions = rows.GroupBy(row => row.AuctionId, StringComparer.Ordinal).Select(group => Auction([.. group], errors)).ToList();
        if (errors.Count > 0)
        {
            var more = errors.Count > ErrorsShown ? $"\n… and {errors.Count - ErrorsShown} more" : "";
            throw new CsvException(string.Join('\n', errors.Take(ErrorsShown)) + more);
        }

        return auctions.Count > 0 ? auctions : throw new CsvException("the file has a header and no row");
    }

    private static Dictionary<string, int> Columns(CsvRecord header)
    {
        var columns = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < header.Fields.Count; i++)
        {
            var name = header.Fields[i].Trim().TrimStart('\uFEFF').ToLower(CultureInfo.InvariantCulture);
            if (!columns.TryAdd(name, i)) throw new CsvException($"line {header.Line}: the column '{name}' is there twice");
        }

        var missing = Required.Where(name => !columns.ContainsKey(name)).ToList();
        return missing.Count == 0
            ? columns
            : throw new CsvException($"line {header.Line}: the header lacks {string.Join(", ", missing)}; it has {string.Join(", ", columns.Keys)}");
    }

    private static RecordedAuction Auction(List<BidRow> rows, List<string> errors)
    {
        // Recorded data contradict themselves in places; what an auction opened at is what its first row says.
        var first = rows[0];
        foreach (var row in rows.Skip(1))
        {
            if (row.Closing == first.Closing) continue;
            errors.Add($"line {row.Line}: auction {row.AuctionId} has another closing price than on line {first.Line}");
        }

        // A reserve that the first bid reaches in any case is none.
        var reserve = first.Reserve > first.Opening ? first.Reserve : 0;
        var bids = rows.Where(row => row.Bidder.Length > 0).OrderBy(row => row.AtDays)
            .Select(row => new RecordedBid(row.Line, row.Bidder, row.Max));
        return new RecordedAuction(first.AuctionId, first.Item, first.Opening, reserve, first.Closing, [.. bids]);
    }

    private sealed record BidRow(
        int Line, string AuctionId, string Item, long Opening, long? Closing, long Reserve, decimal AtDays, string Bidder, long Max)
    {
        /// <exception cref="FormatException">Its message says which column is wrong.</exception>
        public static BidRow Parse(CsvRecord record, Dictionary<string, int> columns)
        {
            if (record.Fields.Count != columns.Count)
                throw new FormatException($"{record.Fields.Count} fields, where the header has {columns.Count}");

            var (id, bidder, max, closing) = (Text("auction_id"), Text("bidder"), Text("max_bid"), Text("closing_price"));
            if (id.Length == 0) throw new FormatException("auction_id is empty");
            if (bidder.Length == 0 != (max.Length == 0)) throw new FormatException("bidder and max_bid are both there or both empty");
            if (bidder.Length > 128 || bidder.Any(c => c is <= ' ' or > '~'))
                throw new FormatException($"bidder '{bidder}' is not 1 to 128 printable ASCII characters without a blank");
            return new BidRow(record.Line, id, Text("item"), Price("opening_price"), closing.Length == 0 ? null : Price("closing_price"),
                Text("reserve_price").Length == 0 ? 0 : Price("reserve_price"), Days(), bidder, max.Length == 0 ? 0 : Price("max_bid"));

            string Text(string column) => columns.TryGetValue(column, out var i) ? record.Fields[i].Trim() : "";

            long Price(string column) => Cents.Parse(Text(column)) is { } cents and > 0
                ? cents
                : throw new FormatException($"{column} '{Text(column)}' is no amount from 0.01 with at most two decimals");

            decimal Days() => Text("at_days") is var days && days.Length == 0
                ? 0
                : decimal.TryParse(days, NumberStyles.Float, CultureInfo.InvariantCulture, out var at)
                    ? at
                    : throw new FormatException($"at_days '{days}' is no number");
        }
    }
}

/// <summary>Dollars as written and cents as computed with, exactly.</summary>
public static class Cents
{
    /// <summary>Cents of an amount such as <c>16.75</c>; null where it is none, finer than a cent, or above <see cref="Currency.MaxAmount"/>.</summary>
    public static long? Parse(string dollars)
    {
        if (!decimal.TryParse(dollars, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount)) return null;
        if (amount > Currency.MaxAmount / 100m) return null;
        return amount * 100 is var cents && cents == decimal.Truncate(cents) ? (long)cents : null;
    }

    /// <summary>The amount in dollars, two decimals.</summary>
    public static decimal ToDollars(long cents) => new decimal(cents) / 100m + 0.00m;
}
