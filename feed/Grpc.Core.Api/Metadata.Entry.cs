using System.Buffers;
using System.Text;

namespace Grpc.Core;

public sealed partial class Metadata
{
    /// <summary>A key with a text or a binary value; immutable.</summary>
    public class Entry
    {
        private static readonly SearchValues<char> KeyCharacters =
            SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_-.");

        private readonly string? text;
        private readonly byte[]? bytes;

        /// <summary>Creates a binary entry; the bytes are copied, the key is lower-cased.</summary>
        /// <exception cref="ArgumentNullException">The key or the value is null.</exception>
        /// <exception cref="ArgumentException">
        /// The key has other characters than <c>a-z 0-9 _ - .</c>, or lacks the suffix <c>-bin</c>.
        /// </exception>
        public Entry(string key, byte[] valueBytes)
        {
            Key = Normalized(key);
            ArgumentNullException.ThrowIfNull(valueBytes);
            if (!IsBinary)
            {
                throw new ArgumentException(
                    $"The key of a binary entry ends with {BinaryHeaderSuffix}: '{Key}' does not.", nameof(key));
            }

            bytes = valueBytes.AsSpan().ToArray();
        }

        /// <summary>Creates a text entry; the key is lower-cased.</summary>
        /// <exception cref="ArgumentNullException">The key or the value is null.</exception>
        /// <exception cref="ArgumentException">
        /// The key has other characters than <c>a-z 0-9 _ - .</c>, or a binary entry's suffix.
        /// </exception>
        public Entry(string key, string value)
        {
            Key = Normalized(key);
            ArgumentNullException.ThrowIfNull(value);
            if (IsBinary)
            {
                throw new ArgumentException(
                    $"The key of a text entry does not end with {BinaryHeaderSuffix}: '{Key}' does.", nameof(key));
            }

            text = value;
        }

        /// <summary>The key, in lower case.</summary>
        public string Key { get; }

        /// <summary>A copy of a binary entry's bytes, or a text entry's ASCII bytes.</summary>
        public byte[] ValueBytes => bytes is null ? Encoding.ASCII.GetBytes(text!) : bytes.AsSpan().ToArray();

        /// <summary>A text entry's value.</summary>
        /// <exception cref="InvalidOperationException">The entry is binary.</exception>
        public string Value =>
            text ?? throw new InvalidOperationException($"The entry '{Key}' is binary: it has no text.");

        /// <summary>Whether the value is binary, which is as much as to say whether the key ends with <c>-bin</c>.</summary>
        public bool IsBinary => Key.EndsWith(BinaryHeaderSuffix, StringComparison.Ordinal);

        /// <inheritdoc />
        public override string ToString() => text is null
            ? $"[Entry: key={Key}, valueBytes={Convert.ToHexString(bytes!)}]"
            : $"[Entry: key={Key}, value={text}]";

        private static string Normalized(string key)
        {
            ArgumentNullException.ThrowIfNull(key);
            if (key.Length > 0 && !key.AsSpan().ContainsAnyExcept(KeyCharacters))
            {
                return key;
            }

            // ASCII alone: the invariant culture would turn the Kelvin sign into a valid 'k'.
            var lowered = string.Create(key.Length, key, (lower, original) => Ascii.ToLower(original, lower, out _));
            if (lowered.Length == 0 || lowered.AsSpan().ContainsAnyExcept(KeyCharacters))
            {
                throw new ArgumentException(
                    $"A metadata key is of letters, digits, underscores, hyphens and dots, one or more: '{key}' is not.",
                    nameof(key));
            }

            return lowered;
        }
    }
}
