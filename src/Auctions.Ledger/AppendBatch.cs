using System.Diagnostics;
using Auctions.Core;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>The result for one bid, as far as it is known during an append.</summary>
internal enum AppendStatus : byte
{
    Unknown,
    Appended,
    /// <summary>The ledger has an answer to its key. The answer may be this bid itself.</summary>
    Answered,
    Early,
    Conflict,
    /// <summary>A conflict: it was decided ahead of the ledger's clock.</summary>
    Ahead,
    /// <summary>The transaction has not locked its auction.</summary>
    Busy,
}

/// <summary>The bids of one append and the status of each. A place is a bid's index in the list.</summary>
/// <param name="agesUs">The ages of the bids' calls, as in <see cref="ILedger.AppendAsync"/>.</param>
internal sealed class AppendBatch(IReadOnlyList<DecidedBid> bids, long[] agesUs)
{
    private readonly DecidedBid?[] _answers = new DecidedBid?[bids.Count];
    private readonly long _made = Stopwatch.GetTimestamp();

    /// <summary>From the making of the batch to its transaction, microseconds.</summary>
    private long _waitedUs;

    public IReadOnlyList<DecidedBid> Bids { get; } = bids;

    public AppendStatus[] Status { get; } = new AppendStatus[bids.Count];

    /// <summary>
    /// A transaction begins now. What is recorded before it, and before the begin of a bid's call, is then older than
    /// <see cref="AgeUs"/>, because the transaction's own begin comes after this.
    /// </summary>
    public void BeginTransaction() => _waitedUs = (long)Stopwatch.GetElapsedTime(_made).TotalMicroseconds;

    /// <summary>The age of the bid's call when the transaction began, microseconds; 0 if it is not known.</summary>
    public long AgeUs(int place) => agesUs.Length == 0 ? 0 : agesUs[place] + _waitedUs;

    /// <summary>The places whose status is unknown, in order.</summary>
    public int[] Unknown() => [.. Enumerable.Range(0, Status.Length).Where(i => Status[i] == AppendStatus.Unknown)];

    /// <summary>Groups the places by auction. The order within an auction stays the same.</summary>
    public IEnumerable<int> ByAuction(IEnumerable<int> places) => places.OrderBy(i => Bids[i].AuctionId);

    public Guid[] AuctionsOf(IEnumerable<int> places) => [.. places.Select(i => Bids[i].AuctionId).Distinct()];

    /// <summary>Parameters in the order of <c>answers_to_keys.sql</c>.</summary>
    public object[] KeysOf(int[] places)
    {
        var bids = Array.ConvertAll(places, i => Bids[i]);
        return
        [
            Array.ConvertAll(bids, b => b.AuctionId), Array.ConvertAll(bids, b => b.Bid.Bidder),
            Array.ConvertAll(bids, b => b.Bid.Key),
        ];
    }

    /// <summary>
    /// Finds the places whose keys have no answer yet, and takes each key once. If a key comes twice in the batch, the
    /// second bid gets the answer of the first one, and no accepted bid of the auction can follow it.
    /// </summary>
    public (int[] Unknown, int[] Repeated) SplitUnknown(int[] places)
    {
        var (unknown, repeated) = (new List<int>(), new List<int>());
        var (keys, broken) = (new HashSet<(Guid, string, Guid)>(), new HashSet<Guid>());
        var acceptedFirst = places
            .Where(i => Status[i] == AppendStatus.Unknown)
            .OrderByDescending(i => Bids[i].Accepted);
        foreach (var place in acceptedFirst)
        {
            var bid = Bids[place];
            if (!keys.Add((bid.AuctionId, bid.Bid.Bidder, bid.Bid.Key)))
            {
                Status[place] = AppendStatus.Conflict;
                repeated.Add(place);
                if (bid.Accepted) broken.Add(bid.AuctionId);
            }
            else if (bid.Accepted && broken.Contains(bid.AuctionId))
            {
                Status[place] = AppendStatus.Conflict;
            }
            else
            {
                unknown.Add(place);
            }
        }

        return ([.. unknown], [.. repeated]);
    }

    /// <summary>
    /// Keeps the answer that the ledger has for the bid's key. If the bid was appended just now, the answer is the bid
    /// itself and its status does not change.
    /// </summary>
    public void SetAnswer(int place, DecidedBid answer)
    {
        if (Status[place] != AppendStatus.Appended) (Status[place], _answers[place]) = (AppendStatus.Answered, answer);
    }

    /// <summary>
    /// Makes every status unknown again that is not certain. A conflict is not certain: another instance may have
    /// appended the bid. An early bid is not certain while other bids are unknown: it may rest on one of them.
    /// </summary>
    public void KeepCertain()
    {
        var complete = !Status.Contains(AppendStatus.Unknown);
        foreach (ref var status in Status.AsSpan())
        {
            if (status is AppendStatus.Conflict or AppendStatus.Ahead || (status == AppendStatus.Early && !complete))
                status = AppendStatus.Unknown;
        }
    }

    /// <summary>For a transaction that was rolled back: nothing is known any more.</summary>
    public void ResetAll() => Reset([.. Enumerable.Range(0, Status.Length)]);

    /// <summary>For a transaction that could not get its locks: nothing was done.</summary>
    public void SetBusy(IEnumerable<int> places)
    {
        foreach (var place in places) (Status[place], _answers[place]) = (AppendStatus.Busy, null);
    }

    public void Reset(int[] places)
    {
        foreach (var place in places) (Status[place], _answers[place]) = (AppendStatus.Unknown, null);
    }

    /// <summary>One result for each bid, in order.</summary>
    public AppendResult[] Results() => [.. Bids.Select((bid, i) => Status[i] switch
    {
        AppendStatus.Appended => new AppendResult(AppendOutcome.Appended, bid),
        AppendStatus.Early => new AppendResult(AppendOutcome.Early, null),
        AppendStatus.Conflict => new AppendResult(AppendOutcome.Conflict, null),
        AppendStatus.Ahead => new AppendResult(AppendOutcome.Ahead, null),
        AppendStatus.Busy => new AppendResult(AppendOutcome.Busy, null),
        AppendStatus.Answered => new AppendResult(
            _answers[i]!.Id == bid.Id ? AppendOutcome.AlreadyThere : AppendOutcome.Answered, _answers[i]),
        _ => throw new InvalidOperationException(
            $"The append did not say what it did with bid {bid.Id} of auction {bid.AuctionId}."),
    })];
}

/// <summary>
/// Decided bids as the parameters of <c>append.sql</c> and <c>record_rejections.sql</c>. Instances are reused, because
/// a new one for each batch of 500 bids would leave 200 KB of garbage.
/// </summary>
internal sealed class BidParameters
{
    private readonly List<int> _places = [], _firsts = [], _lasts = [];
    private readonly List<Guid> _auctions = [];
    private readonly List<long> _decidedUs = [], _agesUs = [];
    private readonly RowArray _bids = new(columns: 20), _entries = new(columns: 9);

    public int Count => _places.Count;

    /// <param name="place">The bid's place in the batch. Add the bids of one auction one after another.</param>
    /// <param name="ageUs">See <see cref="AppendBatch.AgeUs"/>.</param>
    public void Add(int place, DecidedBid decided, long ageUs)
    {
        _places.Add(place);
        if (_auctions.Count == 0 || _auctions[^1] != decided.AuctionId)
        {
            _auctions.Add(decided.AuctionId);
            _firsts.Add(Count);
            _lasts.Add(Count);
        }

        _lasts[^1] = Count;
        _decidedUs.Add(decided.DecidedUs);
        _agesUs.Add(ageUs);
        AddBid(decided, decided.Bid);
        AddState(_entries.BeginRow().Add(decided.Id).Add(decided.Version), decided.After);
    }

    public void Clear()
    {
        _places.Clear();
        _auctions.Clear();
        _firsts.Clear();
        _lasts.Clear();
        _decidedUs.Clear();
        _agesUs.Clear();
        _bids.Clear();
        _entries.Clear();
    }

    /// <summary>The command, with parameters in the order of <c>append.sql</c>.</summary>
    public NpgsqlBatchCommand Append(string statement)
    {
        var command = Command(statement);
        command.Parameters.Add(new NpgsqlParameter<List<Guid>> { TypedValue = _auctions });
        command.Parameters.Add(new NpgsqlParameter<List<int>> { TypedValue = _firsts });
        command.Parameters.Add(new NpgsqlParameter<List<int>> { TypedValue = _lasts });
        command.Parameters.Add(new NpgsqlParameter<List<long>> { TypedValue = _decidedUs });
        return command;
    }

    /// <summary>The command, with parameters in the order of <c>record_rejections.sql</c>.</summary>
    public NpgsqlBatchCommand RecordRejections(string statement)
    {
        var command = Command(statement);
        command.Parameters.Add(new NpgsqlParameter<List<long>> { TypedValue = _agesUs });
        return command;
    }

    /// <summary>Reads the result of either statement. Both name only the bids that are not in the ledger.</summary>
    /// <exception cref="InvalidOperationException">The result does not account for every bid.</exception>
    public async Task ReadStatusAsync(NpgsqlDataReader rows, AppendStatus[] status, CancellationToken cancellationToken)
    {
        var accountedFor = 0L;
        while (await rows.ReadAsync(cancellationToken))
        {
            var (n, word) = (rows.GetInt64(0), rows.GetString(1));
            if (word is "appended" or "recorded")
            {
                accountedFor += n;
                continue;
            }

            accountedFor++;
            status[_places[(int)n - 1]] = word switch
            {
                "early" => AppendStatus.Early,
                "conflict" => AppendStatus.Conflict,
                "ahead" => AppendStatus.Ahead,
                "busy" => AppendStatus.Busy,
                _ => throw new InvalidOperationException($"The append returned the status '{word}'."),
            };
        }

        if (accountedFor != Count)
            throw new InvalidOperationException($"The append accounted for {accountedFor} of {Count} bids.");
        foreach (var place in _places.Where(p => status[p] == AppendStatus.Unknown))
            status[place] = AppendStatus.Appended;
    }

    private NpgsqlBatchCommand Command(string statement) => new(statement)
    {
        Parameters =
        {
            new NpgsqlParameter<RowArray> { TypedValue = _bids, DataTypeName = "decided_bid[]" },
            new NpgsqlParameter<RowArray> { TypedValue = _entries, DataTypeName = "entry_state[]" },
        },
    };

    /// <summary>Adds the attributes of the type decided_bid, in its order.</summary>
    private void AddBid(DecidedBid decided, Bid bid) => AddState(
        _bids.BeginRow().Add(decided.AuctionId).Add(decided.Prev)
            .Add(EnumText.Of(bid.Kind)).Add(bid.Bidder).Add(bid.Key).Add(bid.Currency).Add(bid.Amount).Add(bid.Max)
            .Add(decided.Offered).Add(EnumText.Of(decided.Outcome)).Add(EnumText.Of(decided.Reason))
            .Add(decided.TermsDigest).Add(decided.DecidedUs),
        decided.Before);

    /// <summary>Adds the last attributes. They are the same in decided_bid and entry_state.</summary>
    private static void AddState(RowArray row, AuctionState state) => row
        .Add(EnumText.Of(state.Status)).Add(state.Price).Add(state.Ceiling).Add(state.Leader).Add(state.EndUs)
        .Add(state.Extensions).Add(state.BidCount)
        .EndRow();
}
