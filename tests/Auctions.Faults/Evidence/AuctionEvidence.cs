using Auctions.V1;

namespace Auctions.Faults.Evidence;

/// <summary>What Redis holds of an auction at rest.</summary>
/// <param name="Hash">Empty where it holds nothing.</param>
/// <param name="Pending">Versions that are pending.</param>
public sealed record HotCopy(IReadOnlyDictionary<string, string> Hash, IReadOnlyList<long> Pending);

/// <summary>What a viewer was shown, in order.</summary>
/// <param name="Faults">What was wrong with a frame in itself, such as a delta on top of nothing.</param>
/// <param name="Final">The final frame; null where none came.</param>
public sealed record ViewerEvidence(IReadOnlyList<AuctionState> States, IReadOnlyList<string> Faults, AuctionEnded? Final);

/// <summary>A change event of the feed.</summary>
/// <param name="Order">Rises within an auction and topic in the order in which Kafka holds them.</param>
/// <param name="Id">The ledger's record; in the topic of auctions the head.</param>
/// <param name="Version">Null in a refusal.</param>
public sealed record EventEvent(long Order, Guid Id, long? Version);

/// <summary>All that was seen of one auction, from every side.</summary>
/// <param name="Row">Null where Postgres has none.</param>
/// <param name="Ledger">In any order.</param>
/// <param name="Heads">Of the topic of auctions.</param>
/// <param name="Entries">Of the topic of the ledger.</param>
public sealed record AuctionEvidence(
    Guid Id,
    AuctionRow? Row,
    IReadOnlyList<LedgerRecord> Ledger,
    IReadOnlyList<SentBid> Sent,
    IReadOnlyList<ObservedCall> Calls,
    HotCopy? Hot,
    ViewerEvidence? Viewer,
    IReadOnlyList<EventEvent> Heads,
    IReadOnlyList<EventEvent> Entries);

/// <summary>What of the run as a whole the checks must know.</summary>
/// <param name="EpochUs">Microseconds since 1970 at the zero of the run's monotonic clock.</param>
/// <param name="RestUs">When the evidence was collected, microseconds since 1970.</param>
/// <param name="Disturbances">When something was broken, microseconds since 1970.</param>
/// <param name="EventIsWhole">False where Kafka lost records before they were read, as when it was killed from outside.</param>
public sealed record RunEvidence(long EpochUs, long RestUs, IReadOnlyList<(long FromUs, long ToUs)> Disturbances, bool EventIsWhole);
