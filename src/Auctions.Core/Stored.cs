namespace Auctions.Core;

/// <summary>
/// A stored value that the rules cannot work with. The message names the column, its value and the rule.
/// </summary>
/// <param name="column">The column of the auction's row.</param>
/// <param name="value">As stored. The message repeats its first 80 characters.</param>
/// <param name="rule">Continues a sentence: "must be 1 to 2^53 - 1".</param>
public sealed class StoredValueException(string column, string value, string rule) : FormatException(
    $"{column} is '{(value.Length > EchoMax ? value[..EchoMax] + "…" : value)}', and {rule}")
{
    private const int EchoMax = 80;

    public string Column { get; } = column;

    public string Rule { get; } = rule;
}

/// <summary>
/// What the columns of an auction may hold that are set from now on, by a service or by hand. Migration
/// <c>readable_rows</c> says the same in SQL; random rows in the tests compare the two. Rows of before may hold other
/// values: they are shown as far as they can be read.
/// </summary>
public static class StoredValues
{
    /// <summary>
    /// The latest time and the longest soft close, in microseconds (since 1970: the year 2112). The sum of two stays
    /// below 2^53, which Lua's doubles hold exactly.
    /// </summary>
    public const long TimeMaxUs = (1L << 52) - 1;

    /// <summary>Characters of a user's name: the subject of a token.</summary>
    public const int SubjectLengthMax = 128;

    /// <summary>
    /// Whether a text can name a user: 1 to 128 printable ASCII characters without a blank. Redis stores it as a field
    /// of lines that are separated by blanks, and as a part of a key.
    /// </summary>
    public static bool IsSubject(string text) =>
        text.Length is >= 1 and <= SubjectLengthMax && text.All(c => c is > ' ' and < (char)0x7f);

    /// <summary>The planned times of an auction.</summary>
    /// <exception cref="StoredValueException">No auction can have these times.</exception>
    public static void CheckTimes(long startUs, long originalEndUs, long createdUs)
    {
        Check(createdUs is >= 0 and <= TimeMaxUs, "created_us", createdUs, $"must be 0 to {TimeMaxUs}");
        Check(originalEndUs <= TimeMaxUs, "original_end_us", originalEndUs, $"must be at most {TimeMaxUs}");
        Check(startUs < originalEndUs, "start_us", startUs, $"must be less than original_end_us, {originalEndUs}");
    }

    /// <summary>A state that somebody sets. Bids leave no other.</summary>
    /// <exception cref="StoredValueException">No auction with this seller can have this state.</exception>
    public static void CheckState(string sellerId, AuctionState state)
    {
        var hasBids = state.BidCount > 0;
        Check(state.EndUs is >= 1 and <= TimeMaxUs, "end_us", state.EndUs, $"must be 1 to {TimeMaxUs}");
        Check(state.Extensions >= 0, "extensions", state.Extensions, "must be 0 or more");
        Check(state.BidCount is >= 0 and <= Currency.MaxAmount, "bid_count", state.BidCount, "must be 0 to 2^53 - 1");
        Check(hasBids ? state.Price is >= 1 and <= Currency.MaxAmount : state.Price == 0, "price", state.Price,
            hasBids ? "must be 1 to 2^53 - 1" : "must be 0 without bids");
        Check(hasBids ? state.Ceiling >= state.Price && state.Ceiling <= Currency.MaxAmount : state.Ceiling == 0,
            "ceiling", state.Ceiling, hasBids ? "must be the price to 2^53 - 1" : "must be 0 without bids");
        Check(hasBids ? IsSubject(state.Leader) && state.Leader != sellerId : state.Leader == "", "leader",
            state.Leader, hasBids ? "must be a bidder, and not the seller" : "must be empty without bids");
        Check(!hasBids || state.Status != AuctionStatus.Scheduled, "status", EnumText.Of(state.Status),
            "must not be scheduled with bids");
    }

    /// <summary>Whether <see cref="CheckState"/> accepts the state.</summary>
    public static bool IsPossible(string sellerId, AuctionState state)
    {
        try
        {
            CheckState(sellerId, state);
            return true;
        }
        catch (StoredValueException)
        {
            return false;
        }
    }

    internal static void Check(bool holds, string column, object value, string rule)
    {
        if (!holds) throw new StoredValueException(column, FormattableString.Invariant($"{value}"), rule);
    }
}
