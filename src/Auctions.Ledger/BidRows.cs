using Auctions.Core;
using Npgsql;

namespace Auctions.Ledger;

/// <summary>Decided bids as the parameters of <c>append.sql</c> and <c>refuse.sql</c>. Used again and again.</summary>
internal sealed class BidRows
{
    private readonly List<int> _places = [], _firsts = [], _lasts = [];
    private readonly List<Guid> _auctions = [];
    private readonly RowArray _bids = new(columns: 20), _entries = new(columns: 9);

    public int Count => _places.Count;

    /// <param name="place">Its place in the caller's list. An auction's bids come one after another.</param>
    public void Add(int place, DecidedBid decided)
    {
        _places.Add(place);
        if (_auctions.Count == 0 || _auctions[^1] != decided.AuctionId)
        {
            _auctions.Add(decided.AuctionId);
            _firsts.Add(Count);
            _lasts.Add(Count);
        }

        _lasts[^1] = Count;
        AddBid(decided, decided.Bid);
        AddState(_entries.BeginRow().Add(decided.Id).Add(decided.Version), decided.After);
    }

    public void Clear()
    {
        _places.Clear();
        _auctions.Clear();
        _firsts.Clear();
        _lasts.Clear();
        _bids.Clear();
        _entries.Clear();
    }

    /// <summary>In the order of <c>append.sql</c>.</summary>
    public NpgsqlBatchCommand Append(string sql)
    {
        var command = Refuse(sql);
        command.Parameters.Add(new NpgsqlParameter<List<Guid>> { TypedValue = _auctions });
        command.Parameters.Add(new NpgsqlParameter<List<int>> { TypedValue = _firsts });
        command.Parameters.Add(new NpgsqlParameter<List<int>> { TypedValue = _lasts });
        return command;
    }

    /// <summary>In the order of <c>refuse.sql</c>.</summary>
    public NpgsqlBatchCommand Refuse(string sql) => new(sql)
    {
        Parameters =
        {
            new NpgsqlParameter<RowArray> { TypedValue = _bids, DataTypeName = "decided_bid[]" },
            new NpgsqlParameter<RowArray> { TypedValue = _entries, DataTypeName = "entry_state[]" },
        },
    };

    /// <summary>Reads what either statement returned of bids of which nothing was said yet: what it does not name is in the ledger.</summary>
    /// <exception cref="InvalidOperationException">It does not account for every bid.</exception>
    public async Task ReadAsync(NpgsqlDataReader rows, AppendStatus[] became, CancellationToken cancellationToken)
    {
        var said = 0L;
        while (await rows.ReadAsync(cancellationToken))
        {
            var (n, word) = (rows.GetInt64(0), rows.GetString(1));
            if (word is "appended" or "recorded")
            {
                said += n;
                continue;
            }

            said++;
            became[_places[(int)n - 1]] = word switch
            {
                "early" => AppendStatus.Early,
                "refused" => AppendStatus.Conflict,
                _ => throw new InvalidOperationException($"The append said '{word}'."),
            };
        }

        if (said != Count) throw new InvalidOperationException($"Of {Count} bids the ledger said what became of {said}.");
        foreach (var place in _places.Where(p => became[p] == AppendStatus.Unknown)) became[place] = AppendStatus.Appended;
    }

    /// <summary>In the order of the type decided_bid.</summary>
    private void AddBid(DecidedBid decided, Bid bid) => AddState(
        _bids.BeginRow().Add(decided.AuctionId).Add(decided.Prev)
            .Add(EnumText.Of(bid.Kind)).Add(bid.Bidder).Add(bid.Key).Add(bid.Currency).Add(bid.Amount).Add(bid.Max).Add(decided.Offered)
            .Add(EnumText.Of(decided.Outcome)).Add(EnumText.Of(decided.Reason)).Add(decided.TermsDigest).Add(decided.DecidedUs),
        decided.Before);

    /// <summary>What both types end in.</summary>
    private static void AddState(RowArray row, AuctionState state) => row
        .Add(EnumText.Of(state.Status)).Add(state.Price).Add(state.Ceiling).Add(state.Leader).Add(state.EndUs).Add(state.Extensions).Add(state.BidCount)
        .EndRow();
}
