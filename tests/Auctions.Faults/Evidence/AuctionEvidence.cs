using Auctions.V1;

namespace Auctions.Faults.Evidence;

/// <summary>Everything that was seen of one auction, from every side.</summary>
/// <param name="Row">Null if Postgres has none.</param>
/// <param name="Ledger">In any order.</param>
/// <param name="AuctionEvents">The events of the topic of auctions' rows.</param>
/// <param name="LedgerEvents">The events of the topic of the ledger.</param>
public sealed record AuctionEvidence(
    Guid Id,
    AuctionRow? Row,
    IReadOnlyList<LedgerRecord> Ledger,
    IReadOnlyList<SentBid> Sent,
    IReadOnlyList<ObservedCall> Calls,
    HotStateCopy? Hot,
    ViewerEvidence? Viewer,
    IReadOnlyList<ObservedEvent> AuctionEvents,
    IReadOnlyList<ObservedEvent> LedgerEvents);

/// <summary>What the checks must know about the run as a whole.</summary>
/// <param name="EpochUs">The zero of the run's monotonic clock, microseconds since 1970.</param>
/// <param name="CollectedUs">When the evidence was collected, microseconds since 1970.</param>
/// <param name="Disturbances">When something was broken.</param>
/// <param name="KafkaIsComplete">
/// False if Kafka lost records before they were read, for example because it was killed from outside.
/// </param>
public sealed record RunEvidence(
    long EpochUs, long CollectedUs, IReadOnlyList<Disturbance> Disturbances, bool KafkaIsComplete);

/// <summary>A time in which something was broken, microseconds since 1970.</summary>
/// <param name="Auctions">The auctions that it hit; null for all.</param>
public sealed record Disturbance(long FromUs, long ToUs, IReadOnlySet<Guid>? Auctions = null);

/// <summary>What Redis holds of an auction at rest.</summary>
/// <param name="Hash">Empty if Redis holds nothing.</param>
/// <param name="Pending">The versions of pending entries.</param>
public sealed record HotStateCopy(IReadOnlyDictionary<string, string> Hash, IReadOnlyList<long> Pending);

/// <summary>What a viewer was shown, in order.</summary>
/// <param name="Faults">Frames that are wrong in themselves, such as a delta without a snapshot before it.</param>
/// <param name="Final">The final frame; null if none came.</param>
public sealed record ViewerEvidence(
    IReadOnlyList<AuctionState> States, IReadOnlyList<string> Faults, AuctionEnded? Final);

/// <summary>A change event in Kafka.</summary>
/// <param name="Order">Rises within an auction and topic, in Kafka's order.</param>
/// <param name="Id">The ledger's record; in the topic of auctions' rows the head.</param>
/// <param name="Version">Null for a rejection.</param>
public sealed record ObservedEvent(long Order, Guid Id, long? Version);

/// <summary>
/// A call that was answered with an auction's version: a creation (version 0), a seller's end or cancellation, or a
/// read. Times are microseconds of the run's monotonic clock.
/// </summary>
/// <param name="What">Such as <c>GetAuction</c>.</param>
public sealed record ObservedCall(Guid AuctionId, string What, long BeganUs, long EndedUs, long Version);
