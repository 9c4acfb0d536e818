using System.Runtime.CompilerServices;

namespace Auctions.Core;

/// <summary>
/// The spelling of statuses, kinds, outcomes and reasons outside this process: in Redis' lines, in Postgres' columns
/// and in topics. Each word is written out here, so that a renamed member does not change stored data.
/// </summary>
public static class EnumText
{
    /// <summary>The word of a member.</summary>
    public static string Of<T>(T value) where T : struct, Enum => Table<T>.Words[Unsafe.As<T, int>(ref value)];

    /// <summary>The member with that word.</summary>
    /// <exception cref="FormatException">No member has that word.</exception>
    public static T Parse<T>(ReadOnlySpan<char> word) where T : struct, Enum
    {
        var words = Table<T>.Words;
        for (var i = 0; i < words.Length; i++)
        {
            if (word.SequenceEqual(words[i])) return Unsafe.As<int, T>(ref i);
        }

        throw new FormatException($"'{word}' is not a word for {typeof(T).Name}.");
    }

    private static (Enum Member, string Word)[] WordsOf(Type type) => type switch
    {
        _ when type == typeof(AuctionStatus) =>
        [
            (AuctionStatus.Scheduled, "scheduled"), (AuctionStatus.Active, "active"),
            (AuctionStatus.Ended, "ended"), (AuctionStatus.Cancelled, "cancelled"),
            (AuctionStatus.Bought, "bought"),
        ],
        _ when type == typeof(BidKind) =>
            [(BidKind.Direct, "direct"), (BidKind.Proxy, "proxy"), (BidKind.BuyNow, "buy_now")],
        _ when type == typeof(BidOutcome) =>
            [(BidOutcome.Leading, "leading"), (BidOutcome.Outbid, "outbid"), (BidOutcome.Rejected, "refused")],
        _ when type == typeof(RejectionReason) =>
        [
            (RejectionReason.None, ""), (RejectionReason.Velocity, "velocity"),
            (RejectionReason.Cancelled, "cancelled"), (RejectionReason.Ended, "ended"),
            (RejectionReason.NotStarted, "not_started"), (RejectionReason.Seller, "seller"),
            (RejectionReason.WrongCurrency, "wrong_currency"),
            (RejectionReason.BuyNowNotOffered, "buy_now_not_offered"),
            (RejectionReason.BuyNowWithdrawn, "buy_now_withdrawn"),
            (RejectionReason.CeilingNotRaised, "ceiling_not_raised"), (RejectionReason.TooLow, "too_low"),
        ],
        _ when type == typeof(EntryKind) =>
        [
            (EntryKind.Opened, "opened"), (EntryKind.Started, "started"), (EntryKind.Bid, "bid"),
            (EntryKind.Amended, "amended"), (EntryKind.Sealed, "sealed"),
        ],
        _ when type == typeof(EndReason) =>
        [
            (EndReason.None, ""), (EndReason.Time, "time"),
            (EndReason.BoughtNow, "bought_now"), (EndReason.EndedBySeller, "ended_by_seller"),
            (EndReason.EndedByService, "ended_by_service"),
        ],
        _ when type == typeof(SealCause) =>
        [
            (SealCause.Time, "time"), (SealCause.EndedBySeller, "ended_by_seller"), (SealCause.Cancelled, "cancelled"),
            (SealCause.EndedByService, "ended_by_service"),
        ],
        _ => throw new NotSupportedException($"{type} is not stored and has no words."),
    };

    /// <summary>The members count from 0 without a gap, so that a member is the index of its word.</summary>
    private static class Table<T> where T : struct, Enum
    {
        public static readonly string[] Words =
            [.. Enum.GetValues<T>().Select(member => WordsOf(typeof(T)).Single(w => w.Member.Equals(member)).Word)];
    }
}
