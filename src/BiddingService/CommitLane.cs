using System.Threading.Channels;
using Auctions.Core;
using Auctions.Platform.Chain;
using Auctions.Platform.HotState;
using Auctions.Platform.Ledger;

namespace BiddingService;

/// <summary>What every lane needs.</summary>
internal sealed record CommitParts(
    ILedger Ledger, IHotState HotState, Recovery Recovery, BiddingMetrics Metrics, TimeProvider Time, ILogger<CommitLane> Log);

/// <summary>
/// One line to the ledger: all that waits goes in one transaction, in the order in which it came, and while that commits the next waits. An
/// auction always takes the same lane, so its entries keep their order. Nothing is answered before its commit.
/// </summary>
internal sealed partial class CommitLane : IAsyncDisposable
{
    /// <summary>Tries of a commit whose outcome is not known, before the callers are told so.</summary>
    private const int TriesMax = 5;

    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromMilliseconds(100);

    private readonly Channel<Item> _items = Channel.CreateUnbounded<Item>(new() { SingleReader = true });
    private readonly CommitParts _parts;
    private readonly int _entriesMax;
    private readonly Task _loop;

    public CommitLane(CommitParts parts, int entriesMax)
    {
        _parts = parts;
        _entriesMax = entriesMax;
        _loop = RunAsync();
    }

    /// <summary>Adds a decided bid; the queue gets the report. What may wait here is bounded by the bids in flight.</summary>
    public void Enqueue(DecidingQueue queue, BidTicket ticket) => _items.Writer.TryWrite(new Item(queue, ticket, null));

    /// <summary>Done when all that was added before has been committed or given up.</summary>
    public Task PassedAsync()
    {
        var passed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _items.Writer.TryWrite(new Item(null, null, passed));
        return passed.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _items.Writer.TryComplete();
        await _loop;
    }

    private async Task RunAsync()
    {
        var batch = new List<Item>(_entriesMax);
        while (await _items.Reader.WaitToReadAsync())
        {
            batch.Clear();
            while (batch.Count < _entriesMax && _items.Reader.TryRead(out var item)) batch.Add(item);
            try
            {
                await CommitAsync(batch);
            }
            catch (Exception fault)
            {
                LogFault(_parts.Log, batch.Count, fault);
                foreach (var item in batch) item.Queue?.Failed(item.Ticket!, Unknown(fault));
            }

            foreach (var item in batch) item.Passed?.SetResult();
        }
    }

    /// <summary>Appends, completes what came early from what is pending, reports.</summary>
    private async Task CommitAsync(List<Item> batch)
    {
        var commit = new Commit(batch);
        await AppendAsync(commit);
        var early = commit.Auctions(AppendOutcome.Early);
        if (early.Count > 0)
        {
            foreach (var auctionId in early) await CompleteAsync(auctionId);
            await AppendAsync(commit);
        }

        commit.Report();
        foreach (var (auctionId, bids) in commit.Recorded()) _ = SettleAsync(auctionId, bids);
    }

    private async Task AppendAsync(Commit commit)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                commit.Results = await _parts.Ledger.AppendAsync(commit.Bids, CancellationToken.None);
                _parts.Metrics.Committed(commit.Bids.Count);
                return;
            }
            catch (LedgerUnavailableException fault) when (tries < TriesMax)
            {
                // The same entries again: those that did get in are already there.
                LogTryAgain(_parts.Log, commit.Bids.Count, tries, fault.Message);
                await Task.Delay(TryAgainAfter * tries, _parts.Time, CancellationToken.None);
            }
        }
    }

    /// <summary>Another instance decided what comes before: it is appended for it. Without Redis the bids count as refused.</summary>
    private async Task CompleteAsync(Guid auctionId)
    {
        try
        {
            await _parts.Recovery.AppendPendingAsync(auctionId, CancellationToken.None);
        }
        catch (HotStateUnavailableException fault)
        {
            LogNoPending(_parts.Log, auctionId, fault.Message);
        }
    }

    /// <summary>Tidies up, off the path: what stays pending is found to be there already.</summary>
    private async Task SettleAsync(Guid auctionId, IReadOnlyList<DecidedBid> bids)
    {
        try
        {
            await _parts.HotState.SettleAsync(auctionId, bids, CancellationToken.None);
        }
        catch (HotStateUnavailableException fault)
        {
            LogUnsettled(_parts.Log, auctionId, bids.Count, fault.Message);
        }
    }

    private static Exception Unknown(Exception fault) =>
        fault is LedgerUnavailableException ? new OutcomeUnknownException("Postgres does not answer.", fault) : fault;

    [LoggerMessage(LogLevel.Error, "A commit of {Bids} bids failed; their outcome is not known")]
    private static partial void LogFault(ILogger log, int bids, Exception fault);

    [LoggerMessage(LogLevel.Warning, "A commit of {Bids} bids, try {Tries}: Postgres does not answer: {Reason}")]
    private static partial void LogTryAgain(ILogger log, int bids, int tries, string reason);

    [LoggerMessage(LogLevel.Warning, "Auction {AuctionId}: what is pending cannot be read: {Reason}")]
    private static partial void LogNoPending(ILogger log, Guid auctionId, string reason);

    [LoggerMessage(LogLevel.Information, "Auction {AuctionId}: {Bids} entries stay pending though they are in the ledger: {Reason}")]
    private static partial void LogUnsettled(ILogger log, Guid auctionId, int bids, string reason);

    /// <summary>A decided bid, or a mark that the lane has come this far.</summary>
    internal readonly record struct Item(DecidingQueue? Queue, BidTicket? Ticket, TaskCompletionSource? Passed);
}
