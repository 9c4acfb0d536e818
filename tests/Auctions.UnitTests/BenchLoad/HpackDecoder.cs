using System.Text;

namespace Auctions.UnitTests.BenchLoad;

/// <summary>
/// Decodes a connection's header blocks as a server does (RFC 7541). It is written from the RFC, not from the code that
/// it checks. It has no Huffman coding and evicts nothing: the load uses no Huffman coding and writes too little for an
/// eviction.
/// </summary>
internal sealed class HpackDecoder
{
    private const int EntryOverhead = 32, TableSizeMax = 4_096;

    /// <summary>The entries of appendix A that the tests use.</summary>
    private static readonly Dictionary<int, (string Name, string Value)> Static = new()
    {
        [1] = (":authority", ""),
        [2] = (":method", "GET"),
        [3] = (":method", "POST"),
        [4] = (":path", "/"),
        [5] = (":path", "/index.html"),
        [6] = (":scheme", "http"),
        [7] = (":scheme", "https"),
        [23] = ("authorization", ""),
        [24] = ("cache-control", ""),
        [31] = ("content-type", ""),
    };

    private readonly List<(string Name, string Value)> _table = [];

    /// <summary>The dynamic table, newest field first: entries from 62 on.</summary>
    public IReadOnlyList<(string Name, string Value)> Table => _table;

    public List<(string Name, string Value)> Decode(byte[] block)
    {
        var (at, fields) = (0, new List<(string, string)>());
        while (at < block.Length)
        {
            var first = block[at];
            if ((first & 0x80) != 0)
            {
                fields.Add(Entry(Number(block, ref at, 7)));
                continue;
            }

            if ((first & 0xe0) == 0x20) throw new NotSupportedException("A change of the table's size.");
            var added = (first & 0x40) != 0;
            var index = Number(block, ref at, added ? 6 : 4);
            var name = index > 0 ? Entry(index).Name : Text(block, ref at);
            var field = (name, Text(block, ref at));
            fields.Add(field);
            if (added) _table.Insert(0, field);
        }

        if (_table.Sum(f => f.Name.Length + f.Value.Length + EntryOverhead) > TableSizeMax)
            throw new NotSupportedException("An eviction.");
        return fields;
    }

    private (string Name, string Value) Entry(int index) => index > 61 ? _table[index - 62] : Static[index];

    private static string Text(byte[] block, ref int at)
    {
        if ((block[at] & 0x80) != 0) throw new NotSupportedException("Huffman coding.");
        var length = Number(block, ref at, 7);
        at += length;
        return Encoding.ASCII.GetString(block, at - length, length);
    }

    /// <summary>RFC 7541, 5.1.</summary>
    private static int Number(byte[] block, ref int at, int prefixBits)
    {
        var full = (int)Math.Pow(2, prefixBits) - 1;
        var number = block[at++] & full;
        if (number < full) return number;
        var weight = 1;
        byte next;
        do
        {
            next = block[at++];
            number += (next % 128) * weight;
            weight *= 128;
        }
        while (next >= 128);
        return number;
    }
}
