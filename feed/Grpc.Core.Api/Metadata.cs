using System.Collections;

namespace Grpc.Core;

/// <summary>
/// Headers or trailers of a call: entries in the order in which they were added; a key may occur repeatedly.
/// Not safe for concurrent use while it is written.
/// </summary>
public sealed partial class Metadata : IList<Metadata.Entry>
{
    /// <summary>What the keys of binary entries, and no others, end with.</summary>
    public const string BinaryHeaderSuffix = "-bin";

    /// <summary>Read-only, without entries.</summary>
    public static readonly Metadata Empty = new Metadata().Freeze();

    private readonly List<Entry> entries = [];
    private bool frozen;

    /// <summary>Creates one without entries.</summary>
    public Metadata()
    {
    }

    /// <summary>How many entries there are.</summary>
    public int Count => entries.Count;

    /// <summary>Whether changes are refused.</summary>
    public bool IsReadOnly => frozen;

    /// <summary>The entry at a position.</summary>
    /// <exception cref="InvalidOperationException">Set, and this is read-only.</exception>
    public Entry this[int index]
    {
        get => entries[index];
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            ThrowIfFrozen();
            entries[index] = value;
        }
    }

    /// <summary>The last entry of a key, or null. The key is compared as it is stored: in lower case.</summary>
    public Entry? Get(string key)
    {
        for (var i = entries.Count - 1; i >= 0; i--)
        {
            if (entries[i].Key == key)
            {
                return entries[i];
            }
        }

        return null;
    }

    /// <summary>The text of the last entry of a key, or null.</summary>
    /// <exception cref="InvalidOperationException">The entry is binary.</exception>
    public string? GetValue(string key) => Get(key)?.Value;

    /// <summary>A copy of the bytes of the last entry of a key, or null. For a text entry: its ASCII bytes.</summary>
    public byte[]? GetValueBytes(string key) => Get(key)?.ValueBytes;

    /// <summary>All entries of a key, in order.</summary>
    public IEnumerable<Entry> GetAll(string key)
    {
        for (var i = 0; i < entries.Count; i++)
        {
            if (entries[i].Key == key)
            {
                yield return entries[i];
            }
        }
    }

    /// <summary>Adds an entry.</summary>
    /// <exception cref="InvalidOperationException">This is read-only.</exception>
    public void Add(Entry item)
    {
        ArgumentNullException.ThrowIfNull(item);
        ThrowIfFrozen();
        entries.Add(item);
    }

    /// <summary>Adds a text entry.</summary>
    /// <exception cref="ArgumentException">
    /// The key has other characters than <c>a-z 0-9 _ - .</c>, or a binary entry's suffix.
    /// </exception>
    /// <exception cref="InvalidOperationException">This is read-only.</exception>
    public void Add(string key, string value) => Add(new Entry(key, value));

    /// <summary>Adds a binary entry; the bytes are copied.</summary>
    /// <exception cref="ArgumentException">
    /// The key has other characters than <c>a-z 0-9 _ - .</c>, or lacks the suffix <c>-bin</c>.
    /// </exception>
    /// <exception cref="InvalidOperationException">This is read-only.</exception>
    public void Add(string key, byte[] valueBytes) => Add(new Entry(key, valueBytes));

    /// <inheritdoc />
    public void Insert(int index, Entry item)
    {
        ArgumentNullException.ThrowIfNull(item);
        ThrowIfFrozen();
        entries.Insert(index, item);
    }

    /// <inheritdoc />
    public bool Remove(Entry item)
    {
        ThrowIfFrozen();
        return entries.Remove(item);
    }

    /// <inheritdoc />
    public void RemoveAt(int index)
    {
        ThrowIfFrozen();
        entries.RemoveAt(index);
    }

    /// <inheritdoc />
    public void Clear()
    {
        ThrowIfFrozen();
        entries.Clear();
    }

    /// <inheritdoc />
    public int IndexOf(Entry item) => entries.IndexOf(item);

    /// <inheritdoc />
    public bool Contains(Entry item) => entries.Contains(item);

    /// <inheritdoc />
    public void CopyTo(Entry[] array, int arrayIndex) => entries.CopyTo(array, arrayIndex);

    /// <inheritdoc />
    public IEnumerator<Entry> GetEnumerator() => entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => entries.GetEnumerator();

    private Metadata Freeze()
    {
        frozen = true;
        return this;
    }

    private void ThrowIfFrozen()
    {
        if (frozen)
        {
            throw new InvalidOperationException("The metadata is read-only.");
        }
    }
}
