using Auctions.Core;
using Auctions.Faults.Evidence;
using Auctions.Grpc;
using V1 = Auctions.V1;

namespace Auctions.Faults.Load;

/// <summary>Answers of the contract as the checks compare them. Whether one was replayed is left out: it is the same answer.</summary>
internal static class AnswerMap
{
    public static BidAnswer Of(V1.BidResult response) => new(
        response.Outcome switch
        {
            V1.BidOutcome.Leading => BidOutcome.Leading,
            V1.BidOutcome.Outbid => BidOutcome.Outbid,
            V1.BidOutcome.Rejected => BidOutcome.Rejected,
            var other => throw new FormatException($"{other} is no outcome."),
        },
        Enum.GetValues<RejectionReason>().First(reason => StateMap.Reason(reason) == response.RejectionReason),
        response.BidId.Length == 0 ? Guid.Empty : Guid.Parse(response.BidId),
        response.State.Version, State(response.State), response.State.ReserveMet, TimeMap.ToUs(response.DecideTime) ?? 0);

    private static AuctionState State(V1.AuctionState state) => new(
        Enum.GetValues<AuctionStatus>().First(status => StateMap.Status(status) == state.Status),
        Minor(state.CurrentPrice), 0, state.LeaderId, TimeMap.ToUs(state.EndTime) ?? 0, state.ExtensionsUsed, state.BidCount);

    /// <summary>0 where there is none.</summary>
    public static long Minor(V1.Money? money) => money is null ? 0 : MoneyMap.ToMinor(money, "money").Minor;
}
