using Auctions.Core;
using Auctions.Ledger;

namespace Auctions.Simulation;

/// <summary>One auction's chain and answers, in memory.</summary>
/// <param name="createdUs">The ledger's clock at its creation.</param>
internal sealed class Chain(Head opened, long createdUs)
{
    public List<LedgerEntry> Entries { get; } =
    [
        new(0, opened.EntryId, Guid.Empty, EntryKind.Opened, null, default, opened.State, createdUs, opened.Terms, "",
            EndReason.None),
    ];

    /// <summary>When each entry was appended, in the simulation's own time.</summary>
    public List<long> CommittedUs { get; } = [0];

    /// <summary>When each entry and each answer was recorded, by the ledger's clock, by id.</summary>
    public Dictionary<Guid, long> RecordedUs { get; } = new() { [opened.EntryId] = createdUs };

    public Dictionary<(string Bidder, Guid Key), DecidedBid> Answers { get; } = [];

    /// <summary>Every recorded answer. Without <see cref="Guards.UniqueKey"/> a key may have two.</summary>
    public List<DecidedBid> AllAnswers { get; } = [];

    public Head Head { get; set; } = opened;

    public string CancelReason { get; set; } = "";

    /// <summary>The auction as its row shows it.</summary>
    public AuctionRow Row(Guid id)
    {
        var (last, state) = (Entries[^1], Head.State);
        return new AuctionRow(
            id, Guid.Empty, "", "title", "", [], "", "", Entries[0].After.EndUs, createdUs,
            Rules.ReserveMet(Head.Terms, state),
            Entries.FindLast(e => e.Kind != EntryKind.Bid)!.Version, last.Winner, EnumText.Of(last.EndReason),
            CancelReason,
            new StoredHead(
                id, Head.Version, Head.EntryId, Head.Terms.Line, Head.Terms.Digest, Head.DecidedUs, new StoredState(
                EnumText.Of(state.Status), state.Price, state.Ceiling, state.Leader, state.EndUs, state.Extensions,
                state.BidCount)));
    }
}
