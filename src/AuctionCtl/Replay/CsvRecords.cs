using System.Text;

namespace Auctions.Ctl.Replay;

/// <summary>One record of a CSV file.</summary>
/// <param name="Line">The line on which it begins, from 1.</param>
/// <param name="Fields">As written, without their quotes.</param>
public sealed record CsvRecord(int Line, IReadOnlyList<string> Fields);

/// <summary>Reads CSV as RFC 4180 has it: quoted fields with commas, quotes and line breaks in them, LF or CRLF. Blank lines are skipped.</summary>
public static class CsvRecords
{
    /// <exception cref="CsvException">A quote is not closed, or stands where none may.</exception>
    public static IEnumerable<CsvRecord> Read(TextReader text)
    {
        var fields = new List<string>();
        var field = new StringBuilder();
        var (line, begun) = (1, 1);
        var quoted = false; // the field that ends next was quoted
        while (text.Read() is var read and >= 0)
        {
            var c = (char)read;
            switch (c)
            {
                case '"' when field.Length == 0 && !quoted:
                    line += ReadQuoted(text, field, line);
                    quoted = true;
                    break;
                case '"':
                    throw new CsvException($"line {line}: a quote inside a field that does not begin with one");
                case ',':
                    EndField();
                    break;
                case '\r' when text.Peek() is '\n' or < 0:
                    break;
                case '\n':
                    line++;
                    if (EndRecord() is { } record) yield return record;
                    begun = line;
                    break;
                default:
                    if (quoted) throw new CsvException($"line {line}: '{c}' after a closing quote");
                    field.Append(c);
                    break;
            }
        }

        if (EndRecord() is { } last) yield return last;

        void EndField()
        {
            fields.Add(field.ToString());
            field.Clear();
            quoted = false;
        }

        CsvRecord? EndRecord()
        {
            if (fields.Count == 0 && field.Length == 0 && !quoted) return null;
            EndField();
            var record = new CsvRecord(begun, [.. fields]);
            fields.Clear();
            return record;
        }
    }

    /// <summary>Reads up to the closing quote, the opening one being read.</summary>
    /// <returns>How many line breaks the field holds.</returns>
    private static int ReadQuoted(TextReader text, StringBuilder field, int line)
    {
        var breaks = 0;
        while (text.Read() is var read and >= 0)
        {
            if (read == '\n') breaks++;
            if (read != '"')
            {
                field.Append((char)read);
                continue;
            }

            if (text.Peek() != '"') return breaks;
            field.Append((char)text.Read());
        }

        throw new CsvException($"line {line}: the quote is never closed");
    }
}

/// <summary>The file is not what it should be; the message names the lines.</summary>
public sealed class CsvException(string message) : Exception(message);
