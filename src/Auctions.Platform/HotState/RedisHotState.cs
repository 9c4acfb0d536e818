using System.Runtime.CompilerServices;
using Auctions.Core;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Auctions.Platform.HotState;

/// <summary>
/// The hot state on a real Redis. Every operation that changes anything is one script; this maps calls to their keys and arguments, and
/// replies to decisions.
/// </summary>
public sealed partial class RedisHotState : IHotState
{
    /// <summary>Proposals in one call: while a script runs, Redis does nothing else.</summary>
    public const int ProposalsMax = 256;

    private const int FirstProposal = 5;
    private const int ProposalFields = 9;
    private const int SettledMax = 1_000;
    private const int ScanPageSize = 1_000;
    private const int KnownTermsMax = 50_000;
    private const int VersionDigitsMax = 16;

    private readonly IDatabase _redis;
    private readonly ILogger<RedisHotState> _log;
    private readonly TimeSpan _callTimeout;
    private readonly VelocityLimit _velocity;
    private readonly RedisValue _idempotencyTtlS, _idleTtlS, _windowS;
    private readonly KnownTerms _knownTerms = new(KnownTermsMax);
    private readonly Script _placeBids = Script.Load("place_bids"), _hydrate = Script.Load("hydrate"),
        _settle = Script.Load("settle"), _seal = Script.Load("seal"), _drop = Script.Load("drop");

    /// <param name="redis">See <see cref="RedisConnection"/>; the caller disposes of it.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public RedisHotState(IConnectionMultiplexer redis, HotStateOptions options, ILogger<RedisHotState> log)
    {
        if (options.Failures().FirstOrDefault() is { } failure) throw new ArgumentException(failure, nameof(options));
        _redis = redis.GetDatabase();
        _log = log;
        _idempotencyTtlS = (long)options.IdempotencyTtl.TotalSeconds;
        _idleTtlS = (long)options.IdleTtl.TotalSeconds;
        _windowS = (long)options.VelocityWindow.TotalSeconds;
        _velocity = options.Velocity;
        _callTimeout = TimeSpan.FromMilliseconds(options.CallTimeoutMs);
    }

    public async Task<Proposed?> DecideAsync(Guid auctionId, IReadOnlyList<Proposal> proposals, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfZero(proposals.Count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(proposals.Count, ProposalsMax);
        var known = _knownTerms.Of(auctionId);
        var keys = new HotKeys(auctionId);
        var redisKeys = new RedisKey[2 + proposals.Count + (_velocity.BidsMax == 0 ? 0 : proposals.Count(p => p.Limited))];
        var arguments = new RedisValue[FirstProposal + ProposalFields * proposals.Count];
        (redisKeys[0], redisKeys[1]) = (keys.Auction, keys.Pending);
        (arguments[0], arguments[1], arguments[2], arguments[3], arguments[4]) =
            (_idempotencyTtlS, _idleTtlS, known.Digest, Math.Max(1, _velocity.BidsMax), _windowS);
        var nextWindow = 2 + proposals.Count;
        for (var i = 0; i < proposals.Count; i++)
        {
            var limited = proposals[i].Limited && _velocity.BidsMax > 0;
            redisKeys[2 + i] = keys.Answer(proposals[i].Bid.Bidder, proposals[i].Bid.Key);
            if (limited) redisKeys[nextWindow++] = keys.Velocity(proposals[i].Bid.Bidder);
            Write(proposals[i], limited, arguments.AsSpan(FirstProposal + ProposalFields * i, ProposalFields));
        }

        return await AskAsync(async () =>
        {
            var reply = await _placeBids.RunAsync(_redis, redisKeys, arguments);
            return reply.IsNull ? null : Read(auctionId, (string[])reply!, known.Terms);
        }, cancellation);
    }

    public Task<HotHead?> ReadHeadAsync(Guid auctionId, CancellationToken cancellation) => AskAsync<HotHead?>(async () =>
    {
        var head = await UnlessOfAnotherType(_redis.HashGetAsync(
            new HotKeys(auctionId).Auction, ["version", "head"], CommandFlags.DemandMaster), [default, default]);
        return ReadHead((string?)head[0], (string?)head[1]);
    }, cancellation);

    public Task<IReadOnlyList<DecidedBid>> ReadPendingAsync(Guid auctionId, CancellationToken cancellation) => AskAsync(async () =>
    {
        var entries = await UnlessOfAnotherType(
            _redis.HashGetAllAsync(new HotKeys(auctionId).Pending, CommandFlags.DemandMaster), []);
        var pending = new List<DecidedBid>(entries.Length);
        foreach (var entry in entries)
        {
            if (ReadPending(auctionId, entry) is { } decided) pending.Add(decided);
        }

        pending.Sort((a, b) => a.Version.CompareTo(b.Version));
        return (IReadOnlyList<DecidedBid>)pending;
    }, cancellation);

    public async IAsyncEnumerable<Guid> ScanPendingAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var server in _redis.Multiplexer.GetServers().Where(s => s is { IsConnected: true, IsReplica: false }))
        {
            var keys = server.KeysAsync(_redis.Database, HotKeys.AnyPending, ScanPageSize).GetAsyncEnumerator(cancellation);
            while (await AskAsync(() => keys.MoveNextAsync().AsTask(), cancellation))
            {
                if (HotKeys.AuctionOfPending((string)keys.Current!) is { } auctionId) yield return auctionId;
            }
        }
    }

    public Task<bool> HydrateAsync(
        Guid auctionId, HotHead? seen, Head head, IReadOnlyList<DecidedBid> answers, CancellationToken cancellation)
    {
        var keys = new HotKeys(auctionId);
        var state = head.State;
        var windows = WindowsOf(answers);
        RedisKey[] redisKeys =
        [
            keys.Auction, keys.Pending, .. answers.Select(a => keys.Answer(a.Bid.Bidder, a.Bid.Key)), .. windows.Select(w => keys.Velocity(w.Bidder)),
        ];
        RedisValue[] arguments =
        [
            seen is { } s ? s.Version : "", seen is { } t ? Text(t.EntryId) : "", _idempotencyTtlS, _idleTtlS,
            head.Terms.Line, Words.Of(state.Status), state.Price, state.Ceiling, state.Leader, state.EndUs, state.Extensions,
            state.BidCount, head.Version, Text(head.EntryId), answers.Count, _windowS,
            .. answers.Select(a => (RedisValue)DecisionLine.Format(a)), .. windows.Select(w => (RedisValue)w.Window),
        ];
        return AskAsync(async () => (bool)await _hydrate.RunAsync(_redis, redisKeys, arguments), cancellation);
    }

    public async Task SettleAsync(Guid auctionId, IReadOnlyList<DecidedBid> bids, CancellationToken cancellation)
    {
        RedisKey[] keys = [new HotKeys(auctionId).Pending];
        foreach (var some in bids.Where(b => b.Accepted).Chunk(SettledMax))
        {
            RedisValue[] entries = [.. some.SelectMany(b => new RedisValue[] { b.Version, Text(b.Id) })];
            await AskAsync(() => _settle.RunAsync(_redis, keys, entries), cancellation);
        }
    }

    public Task<SealAttempt?> SealAsync(Guid auctionId, bool force, CancellationToken cancellation) => AskAsync<SealAttempt?>(async () =>
    {
        var reply = await _seal.RunAsync(_redis, [new HotKeys(auctionId).Auction], [force]);
        if (reply.IsNull) return null;
        var numbers = (long[])reply!;
        return new SealAttempt(numbers[0] == 1, numbers[1], numbers[2]);
    }, cancellation);

    public Task<bool> DropIfBehindAsync(
        Guid auctionId, long version, Guid entryId, long outsideVersion, CancellationToken cancellation)
    {
        var keys = new HotKeys(auctionId);
        return AskAsync(async () =>
            (bool)await _drop.RunAsync(_redis, [keys.Auction, keys.Pending], [version, Text(entryId), outsideVersion]), cancellation);
    }
}
