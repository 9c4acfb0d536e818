using System.Diagnostics.Metrics;
using Auctions.Core;

namespace BiddingService;

/// <summary>The metrics of the bid path: meter <c>Auctions.Bidding</c>.</summary>
internal sealed class BiddingMetrics : IDisposable
{
    private readonly Meter _meter = new("Auctions.Bidding");
    private readonly Counter<long> _answers;
    private readonly Histogram<int> _bidsPerCall;
    private readonly Histogram<int> _bidsPerCommit;
    private readonly Counter<long> _decidedOnLedger;
    private readonly Counter<long> _decidedAgain;
    private readonly Counter<long> _hydrations;
    private readonly Counter<long> _busy;

    public BiddingMetrics()
    {
        _answers = _meter.CreateCounter<long>("auctions.bids.answered", "{bid}",
            "Bids answered, by outcome and reason.");
        _bidsPerCall = _meter.CreateHistogram<int>("auctions.bids.per_call", "{bid}",
            "Bids that one call to Redis decided.");
        _bidsPerCommit = _meter.CreateHistogram<int>("auctions.bids.per_commit", "{bid}",
            "Bids that one append sent to the ledger.");
        _decidedOnLedger = _meter.CreateCounter<long>("auctions.bids.decided_on_ledger", "{bid}",
            "Bids decided without Redis.");
        _decidedAgain = _meter.CreateCounter<long>("auctions.bids.decided_again", "{bid}",
            "Decisions that were a conflict in the ledger, or that the rules do not make.");
        _hydrations = _meter.CreateCounter<long>("auctions.hydrations", "{hydration}",
            "Auctions copied from the ledger into Redis.");
        _busy = _meter.CreateCounter<long>("auctions.bids.busy", "{commit}",
            "Attempts to commit bids of an auction whose row another transaction held.");
    }

    public void Answered(DecidedBid bid) => _answers.Add(1,
        new KeyValuePair<string, object?>("outcome", bid.Outcome),
        new KeyValuePair<string, object?>("reason", bid.Reason));

    public void DecidedInRedis(int bids) => _bidsPerCall.Record(bids);
    public void DecidedOnLedger(int bids) => _decidedOnLedger.Add(bids);
    public void Conflicted() => _decidedAgain.Add(1);
    public void Hydrated() => _hydrations.Add(1);
    public void Busy() => _busy.Add(1);
    public void Appended(int bids) => _bidsPerCommit.Record(bids);
    public void Dispose() => _meter.Dispose();
}
