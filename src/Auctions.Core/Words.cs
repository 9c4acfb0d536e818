using System.Runtime.CompilerServices;
using System.Text;

namespace Auctions.Core;

/// <summary>
/// The one spelling of statuses, kinds, outcomes and reasons outside this process, in Redis' lines and in Postgres'
/// columns: the member's name in lower snake case (<c>buy_now</c>), and nothing for <c>None</c>. Renaming a member
/// thus changes stored data: a test pins every word.
/// </summary>
public static class Words
{
    /// <summary>The word of a defined member.</summary>
    public static string Of<T>(T value) where T : struct, Enum => Table<T>.Words[Unsafe.As<T, int>(ref value)];

    /// <summary>The member of that word.</summary>
    /// <exception cref="FormatException">There is none.</exception>
    public static T Parse<T>(ReadOnlySpan<char> word) where T : struct, Enum
    {
        var words = Table<T>.Words;
        for (var i = 0; i < words.Length; i++)
        {
            if (word.SequenceEqual(words[i])) return Unsafe.As<int, T>(ref i);
        }

        throw new FormatException($"'{word}' is no {typeof(T).Name}.");
    }

    private static string Snake(string name)
    {
        var word = new StringBuilder();
        foreach (var c in name == "None" ? "" : name)
        {
            if (char.IsAsciiLetterUpper(c) && word.Length > 0) word.Append('_');
            word.Append(char.ToLowerInvariant(c));
        }

        return word.ToString();
    }

    /// <summary>Members are numbered from 0 without a gap, so that a member is its word's index.</summary>
    private static class Table<T> where T : struct, Enum
    {
        public static readonly string[] Words = [.. Enum.GetNames<T>().Select(Snake)];
    }
}
