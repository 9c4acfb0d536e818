using Auctions.Core;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Auctions.HotState;

/// <summary>
/// The hot state on a real Redis. Every operation that changes something is one script or one command, and therefore
/// atomic. This class maps calls to keys and arguments, and replies to decisions.
/// </summary>
public sealed partial class RedisHotState : IHotState
{
    /// <summary>The most bids in one call. Redis does nothing else while a script runs.</summary>
    public const int BidsMax = 256;

    private const string LimitedMark = "limited";
    private const int FirstBidArgument = 5;
    private const int ArgumentsPerBid = 8;
    private const int VersionDigitsMax = 16;
    private const int VersionsPerRemovalMax = 1_000;

    private readonly IDatabase _redis;
    private readonly ILogger<RedisHotState> _logger;
    private readonly TimeSpan _callTimeout;
    private readonly VelocityLimit _velocity;
    private readonly RedisValue _idempotencyTtlS, _idleTtlS, _windowS;
    private readonly KnownTerms _knownTerms;

    /// <summary>
    /// Senders wait here for a few microseconds. If two of them met inside the client, the message of one would go
    /// through the client's backlog, which keeps some thousand sent messages alive for the garbage collector to copy.
    /// </summary>
    private readonly Lock _sending = new();

    private readonly Script _placeBids = Script.Load("place_bids"), _hydrate = Script.Load("hydrate"),
        _seal = Script.Load("seal"), _drop = Script.Load("drop"), _removePending = Script.Load("remove_pending"),
        _discard = Script.Load("discard");

    /// <param name="redis">See <see cref="RedisConnection"/>. The caller disposes of it.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public RedisHotState(IConnectionMultiplexer redis, HotStateOptions options, ILogger<RedisHotState> logger)
    {
        if (options.Failures().FirstOrDefault() is { } failure) throw new ArgumentException(failure, nameof(options));
        _redis = redis.GetDatabase();
        _logger = logger;
        _idempotencyTtlS = (long)options.IdempotencyTtl.TotalSeconds;
        _idleTtlS = (long)options.IdleTtl.TotalSeconds;
        _windowS = (long)options.VelocityWindow.TotalSeconds;
        _velocity = options.Velocity;
        _knownTerms = new KnownTerms(options.KnownTermsMax);
        _callTimeout = TimeSpan.FromMilliseconds(options.CallTimeoutMs);
    }

    public async Task<DecidedBatch?> DecideAsync(
        Guid auctionId, IReadOnlyList<UndecidedBid> bids, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfZero(bids.Count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bids.Count, BidsMax);
        var known = _knownTerms.Find(auctionId);
        var keys = new HotKeys(auctionId);
        var arguments = new RedisValue[FirstBidArgument + ArgumentsPerBid * bids.Count];
        (arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]) =
            (_idempotencyTtlS, _idleTtlS, known.Digest, Math.Max(1, _velocity.BidsMax), _windowS);
        List<RedisKey> redisKeys = [keys.Auction, keys.Pending, keys.PendingIndex, .. keys.Answers];
        for (var i = 0; i < bids.Count; i++)
        {
            var bid = bids[i];
            var limited = bid.Limited && bid.Bid.IsCounted && _velocity.BidsMax > 0;
            if (limited) redisKeys.Add(keys.Velocity(bid.Bid.Bidder));
            WriteArguments(bid, limited, arguments.AsSpan(FirstBidArgument + ArgumentsPerBid * i, ArgumentsPerBid));
        }

        return await CallAsync(auctionId, async () =>
        {
            var reply = await _placeBids.RunAsync(_redis, [.. redisKeys], arguments);
            return reply.IsNull ? null : ReadBatch(auctionId, bids, (RedisResult[])reply!, known.Terms);
        }, ifDamaged: null, cancellationToken);
    }

    public Task<HotHead?> ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken) =>
        CallAsync(auctionId, async () =>
        {
            var head = await _redis.HashGetAsync(
                new HotKeys(auctionId).Auction, ["version", "head"], CommandFlags.DemandMaster);
            return ReadHead((string?)head[0], (string?)head[1]);
        }, ifDamaged: null, cancellationToken);

    public Task<IReadOnlyList<DecidedBid>> ReadPendingAsync(Guid auctionId, CancellationToken cancellationToken) =>
        CallAsync(auctionId, async () =>
        {
            var entries = await _redis.HashGetAllAsync(new HotKeys(auctionId).Pending, CommandFlags.DemandMaster);
            var pending = new List<DecidedBid>(entries.Length);
            foreach (var entry in entries)
            {
                if (ReadPending(auctionId, entry) is { } decided) pending.Add(decided);
            }

            pending.Sort((a, b) => a.Version.CompareTo(b.Version));
            return (IReadOnlyList<DecidedBid>)pending;
        }, ifDamaged: [], cancellationToken);

    public Task<bool> HydrateAsync(Guid auctionId, HotHead? seen, Head head, IReadOnlyList<DecidedBid> answers,
        CancellationToken cancellationToken)
    {
        var keys = new HotKeys(auctionId);
        var state = head.State;
        var windows = WindowsOf(answers);
        RedisKey[] redisKeys =
        [
            keys.Auction, keys.Pending, keys.PendingIndex, .. keys.Answers,
            .. windows.Select(w => keys.Velocity(w.Bidder)),
        ];
        RedisValue[] arguments =
        [
            seen is { } s ? s.Version : "", seen is { } t ? Text(t.EntryId) : "", _idempotencyTtlS, _idleTtlS,
            head.Terms.Line, EnumText.Of(state.Status), state.Price, state.Ceiling, state.Leader, state.EndUs,
            state.Extensions, state.BidCount, head.Version, Text(head.EntryId), head.DecidedUs,
            answers.Count, _windowS,
            .. answers.SelectMany(a => new RedisValue[]
            {
                HotKeys.AnswerField(a.Bid.Bidder, a.Bid.Key), DecisionLine.Format(a),
            }),
            .. windows.Select(w => (RedisValue)w.Window),
        ];
        return CallAsync(auctionId, async () => (bool)await _hydrate.RunAsync(_redis, redisKeys, arguments),
            ifDamaged: false, cancellationToken);
    }

    public async Task RemovePendingAsync(
        Guid auctionId, IReadOnlyCollection<long> versions, CancellationToken cancellationToken)
    {
        // By version alone: where the ledger has an entry at a version, no other entry can be appended there.
        var keys = new HotKeys(auctionId);
        IEnumerable<long[]> chunks = versions.Count == 0 ? [[]] : versions.Chunk(VersionsPerRemovalMax);
        foreach (var chunk in chunks)
        {
            RedisValue[] arguments = [Text(auctionId), .. chunk.Select(v => (RedisValue)v)];
            await CallAsync(
                auctionId, async () => (long)await _removePending.RunAsync(
                    _redis, [keys.Pending, keys.PendingIndex], arguments),
                ifDamaged: 0, cancellationToken);
        }
    }

    public Task<bool> SealAsync(Guid auctionId, CancellationToken cancellationToken) => CallAsync(
        auctionId, async () => (bool)await _seal.RunAsync(_redis, [new HotKeys(auctionId).Auction], []),
        ifDamaged: false, cancellationToken);

    public Task<bool> DropIfBehindAsync(
        Guid auctionId, long version, Guid entryId, long outsideVersion, CancellationToken cancellationToken)
    {
        var keys = new HotKeys(auctionId);
        return CallAsync(auctionId, async () => (bool)await _drop.RunAsync(
            _redis, [keys.Auction, keys.Pending], [version, Text(entryId), outsideVersion]),
            ifDamaged: true, cancellationToken);
    }
}
