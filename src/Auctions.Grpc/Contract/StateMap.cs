using Auctions.Core;

namespace Auctions.Grpc;

/// <summary>An auction's state, terms and answers as messages of the contract.</summary>
public static class StateMap
{
    /// <param name="version">The version of the entry that left this state.</param>
    public static V1.AuctionState State(Terms terms, AuctionState state, long version) => new()
    {
        Version = version,
        Status = Status(state.Status),
        CurrentPrice = state.BidCount == 0 ? null : MoneyMap.FromMinor(state.Price, terms.Currency),
        LeaderId = state.Leader,
        MinimumBid = Rules.CanBeBidOn(terms, state)
            ? MoneyMap.FromMinor(Rules.MinimumBid(terms, state), terms.Currency)
            : null,
        BidCount = state.BidCount,
        EndTime = TimeMap.FromUs(state.EndUs),
        ExtensionsUsed = state.Extensions,
        ReserveMet = Rules.ReserveMet(terms, state),
    };

    /// <summary>The answer to a bid.</summary>
    /// <param name="terms">The terms under which the bid was decided.</param>
    public static V1.BidResult Result(DecidedBid bid, Terms terms, bool replayed) => new()
    {
        Outcome = bid.Outcome switch
        {
            BidOutcome.Leading => V1.BidOutcome.Leading,
            BidOutcome.Outbid => V1.BidOutcome.Outbid,
            _ => V1.BidOutcome.Rejected,
        },
        RejectionReason = Reason(bid.Reason),
        BidId = bid.Accepted ? bid.Id.ToString() : "",
        State = State(terms, bid.After, bid.Version),
        Replayed = replayed,
        DecideTime = TimeMap.FromUs(bid.DecidedUs),
    };

    public static V1.AuctionStatus Status(AuctionStatus status) => status switch
    {
        AuctionStatus.Scheduled => V1.AuctionStatus.Scheduled,
        // Until a purchase is sealed, a moment later, it is shown as what it was before.
        AuctionStatus.Active or AuctionStatus.Bought => V1.AuctionStatus.Active,
        AuctionStatus.Ended => V1.AuctionStatus.Ended,
        AuctionStatus.Cancelled => V1.AuctionStatus.Cancelled,
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, null),
    };

    public static V1.EndReason EndReason(EndReason reason) => reason switch
    {
        Core.EndReason.Time => V1.EndReason.Time,
        Core.EndReason.BoughtNow => V1.EndReason.BoughtNow,
        Core.EndReason.EndedBySeller => V1.EndReason.EndedBySeller,
        Core.EndReason.EndedByService => V1.EndReason.EndedByService,
        _ => V1.EndReason.Unspecified,
    };

    public static V1.BidKind Kind(BidKind kind) => kind switch
    {
        BidKind.Direct => V1.BidKind.Direct,
        BidKind.Proxy => V1.BidKind.Proxy,
        BidKind.BuyNow => V1.BidKind.BuyNow,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    public static V1.RejectionReason Reason(RejectionReason reason) => reason switch
    {
        RejectionReason.None => V1.RejectionReason.Unspecified,
        RejectionReason.Velocity => V1.RejectionReason.Velocity,
        RejectionReason.Cancelled => V1.RejectionReason.Cancelled,
        RejectionReason.Ended => V1.RejectionReason.Ended,
        RejectionReason.NotStarted => V1.RejectionReason.NotStarted,
        RejectionReason.Seller => V1.RejectionReason.Seller,
        RejectionReason.WrongCurrency => V1.RejectionReason.WrongCurrency,
        RejectionReason.BuyNowNotOffered => V1.RejectionReason.BuyNowNotOffered,
        RejectionReason.BuyNowWithdrawn => V1.RejectionReason.BuyNowWithdrawn,
        RejectionReason.CeilingNotRaised => V1.RejectionReason.CeilingNotRaised,
        RejectionReason.TooLow => V1.RejectionReason.TooLow,
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, null),
    };

    public static V1.IncrementRule Increment(Increment increment, string currency) => increment switch
    {
        Increment.Fixed f => new V1.IncrementRule { Fixed = MoneyMap.FromMinor(f.Amount, currency) },
        Increment.BasisPoints b => new V1.IncrementRule { BasisPoints = b.Points },
        Increment.Ladder l => new V1.IncrementRule { Table = l.Name },
        _ => throw new ArgumentOutOfRangeException(nameof(increment), increment, null),
    };

    /// <summary>Null if the auction has no soft close.</summary>
    public static V1.SoftClose? SoftClose(SoftClose soft) => soft.MaxExtensions == 0
        ? null
        : new V1.SoftClose
        {
            Window = TimeMap.DurationFromUs(soft.WindowUs),
            Extension = TimeMap.DurationFromUs(soft.ExtensionUs),
            MaxExtensions = soft.MaxExtensions,
        };
}
