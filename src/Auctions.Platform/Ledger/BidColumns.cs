using Auctions.Core;
using Npgsql;
using NpgsqlTypes;

namespace Auctions.Platform.Ledger;

/// <summary>Decided bids as columns, an array a parameter, for <c>append.sql</c> and <c>refuse.sql</c>. Used again and again.</summary>
internal sealed class BidColumns
{
    private readonly List<Guid> _auctions = [], _ids = [], _prevs = [], _keys = [];
    private readonly List<string> _kinds = [], _bidders = [], _currencies = [], _outcomes = [], _reasons = [], _digests = [];
    private readonly List<long> _versions = [], _amounts = [], _maxes = [], _offered = [], _decided = [];
    private readonly StateColumns _before = new(), _after = new();

    /// <summary>Each row's place in the caller's list.</summary>
    public List<int> Places { get; } = [];

    public void Add(int place, DecidedBid bid)
    {
        Places.Add(place);
        _auctions.Add(bid.AuctionId);
        _ids.Add(bid.Id);
        _prevs.Add(bid.Prev);
        _versions.Add(bid.Version);
        _kinds.Add(Words.Of(bid.Bid.Kind));
        _bidders.Add(bid.Bid.Bidder);
        _keys.Add(bid.Bid.Key);
        _currencies.Add(bid.Bid.Currency);
        _amounts.Add(bid.Bid.Amount);
        _maxes.Add(bid.Bid.Max);
        _offered.Add(bid.Offered);
        _outcomes.Add(Words.Of(bid.Outcome));
        _reasons.Add(Words.Of(bid.Reason));
        _digests.Add(bid.TermsDigest);
        _decided.Add(bid.DecidedUs);
        _before.Add(bid.Before);
        _after.Add(bid.After);
    }

    public void Clear()
    {
        Places.Clear();
        foreach (var uuids in (ReadOnlySpan<List<Guid>>)[_auctions, _ids, _prevs, _keys]) uuids.Clear();
        foreach (var texts in (ReadOnlySpan<List<string>>)[_kinds, _bidders, _currencies, _outcomes, _reasons, _digests]) texts.Clear();
        foreach (var longs in (ReadOnlySpan<List<long>>)[_versions, _amounts, _maxes, _offered, _decided]) longs.Clear();
        _before.Clear();
        _after.Clear();
    }

    /// <summary>In the order of <c>append.sql</c>.</summary>
    public NpgsqlBatchCommand Append(string sql)
    {
        var command = new NpgsqlBatchCommand(sql);
        var p = command.Parameters;
        Uuids(p, _auctions, _ids, _prevs);
        Longs(p, _versions);
        Texts(p, _kinds, _bidders);
        Uuids(p, _keys);
        Texts(p, _currencies);
        Longs(p, _amounts, _maxes, _offered);
        Texts(p, _outcomes, _digests);
        Longs(p, _decided);
        _before.AddTo(p);
        _after.AddTo(p);
        return command;
    }

    /// <summary>In the order of <c>refuse.sql</c>.</summary>
    public NpgsqlBatchCommand Refuse(string sql)
    {
        var command = new NpgsqlBatchCommand(sql);
        var p = command.Parameters;
        Uuids(p, _auctions, _ids, _prevs);
        Longs(p, _versions);
        Texts(p, _kinds, _bidders);
        Uuids(p, _keys);
        Texts(p, _currencies);
        Longs(p, _amounts, _maxes);
        Texts(p, _reasons, _digests);
        Longs(p, _decided);
        _before.AddTo(p);
        return command;
    }

    private static void Uuids(NpgsqlParameterCollection parameters, params ReadOnlySpan<List<Guid>> columns) =>
        Add(parameters, NpgsqlDbType.Uuid, columns);

    private static void Texts(NpgsqlParameterCollection parameters, params ReadOnlySpan<List<string>> columns) =>
        Add(parameters, NpgsqlDbType.Text, columns);

    private static void Longs(NpgsqlParameterCollection parameters, params ReadOnlySpan<List<long>> columns) =>
        Add(parameters, NpgsqlDbType.Bigint, columns);

    private static void Add<T>(NpgsqlParameterCollection parameters, NpgsqlDbType type, params ReadOnlySpan<List<T>> columns)
    {
        foreach (var column in columns)
            parameters.Add(new NpgsqlParameter<List<T>> { TypedValue = column, NpgsqlDbType = NpgsqlDbType.Array | type });
    }

    private sealed class StateColumns
    {
        private readonly List<string> _statuses = [], _leaders = [];
        private readonly List<long> _prices = [], _ceilings = [], _ends = [], _counts = [];
        private readonly List<int> _extensions = [];

        public void Add(AuctionState state)
        {
            _statuses.Add(Words.Of(state.Status));
            _prices.Add(state.Price);
            _ceilings.Add(state.Ceiling);
            _leaders.Add(state.Leader);
            _ends.Add(state.EndUs);
            _extensions.Add(state.Extensions);
            _counts.Add(state.BidCount);
        }

        public void Clear()
        {
            _statuses.Clear();
            _leaders.Clear();
            _extensions.Clear();
            foreach (var longs in (ReadOnlySpan<List<long>>)[_prices, _ceilings, _ends, _counts]) longs.Clear();
        }

        public void AddTo(NpgsqlParameterCollection p)
        {
            Texts(p, _statuses);
            Longs(p, _prices, _ceilings);
            Texts(p, _leaders);
            Longs(p, _ends);
            BidColumns.Add(p, NpgsqlDbType.Integer, _extensions);
            Longs(p, _counts);
        }
    }
}
