using System.Globalization;
using Auctions.Core;
using Microsoft.Extensions.Caching.Memory;
using StackExchange.Redis;

namespace Auctions.HotState;

/// <summary>What goes to Redis, and what comes back.</summary>
public sealed partial class RedisHotState
{
    private static void WriteArguments(UndecidedBid undecided, bool limited, Span<RedisValue> arguments)
    {
        var bid = undecided.Bid;
        if (bid.Bidder.Contains(' ') || bid.Currency.Contains(' '))
        {
            throw new ArgumentException(
                $"A blank would end the field: bidder '{bid.Bidder}', currency '{bid.Currency}'.", nameof(undecided));
        }

        arguments[0] = Text(undecided.Id);
        arguments[1] = EnumText.Of(bid.Kind);
        arguments[2] = bid.Bidder;
        arguments[3] = Text(bid.Key);
        arguments[4] = bid.Currency;
        arguments[5] = bid.Amount;
        arguments[6] = bid.Max;
        var replaces = undecided.Replaces == Guid.Empty ? "" : Text(undecided.Replaces);
        arguments[7] = limited ? LimitedMark + replaces : replaces;
    }

    /// <summary>
    /// The velocity windows of accepted bids that are not over yet, as far as these answers tell.
    /// </summary>
    private List<(string Bidder, string Window)> WindowsOf(IReadOnlyList<DecidedBid> answers)
    {
        if (_velocity.BidsMax == 0 || answers.Count == 0) return [];
        var fromUs = answers.Max(a => a.DecidedUs) - _velocity.WindowUs;
        var counted = answers.Where(a => a.Accepted && a.Bid.IsCounted && a.DecidedUs > fromUs);
        var bidders = counted.OrderBy(a => a.DecidedUs).GroupBy(a => a.Bid.Bidder);
        return [.. bidders.Select(b => (b.Key, Window(b.TakeLast(_velocity.BidsMax))))];

        static string Window(IEnumerable<DecidedBid> bids) => string.Concat(bids.Select(b => $"{b.DecidedUs:D16} "));
    }

    /// <exception cref="FormatException">A stored answer, or a field of the hash, is damaged.</exception>
    private DecidedBatch ReadBatch(
        Guid auctionId, IReadOnlyList<UndecidedBid> asked, RedisResult[] reply, Terms? known)
    {
        var terms = (string?)reply[0] is { Length: > 0 } line ? _knownTerms.Add(auctionId, line) : known!;
        var bids = new DecidedBid[reply.Length - 1];
        for (var i = 0; i < bids.Length; i++)
        {
            bids[i] = DecisionLine.Parse(auctionId, (byte[]?)reply[i + 1]);
            if (bids[i].Bid.Key != asked[i].Bid.Key || bids[i].Bid.Bidder != asked[i].Bid.Bidder)
                throw new FormatException($"The answer to key {asked[i].Bid.Key} is that of another key or bidder.");
        }

        return new DecidedBatch(terms, bids);
    }

    /// <summary>
    /// Null unless the head is written exactly as the scripts write it. hydrate.lua uses the same test, so that an
    /// auction with a damaged head can be overwritten.
    /// </summary>
    private static HotHead? ReadHead(string? version, string? head)
    {
        if (version is null || version.Length > VersionDigitsMax) return null;
        if (!Guid.TryParseExact(head, "D", out var id) || Text(id) != head) return null;
        var readable = long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        return readable && number.ToString(CultureInfo.InvariantCulture) == version ? new HotHead(number, id) : null;
    }

    /// <summary>Null for a damaged entry: the ledger could not take it.</summary>
    private DecidedBid? ReadPending(Guid auctionId, HashEntry entry)
    {
        try
        {
            var decided = DecisionLine.Parse(auctionId, (byte[]?)entry.Value);
            if (decided.Accepted && entry.Name == decided.Version) return decided;
            throw new FormatException("It is not an accepted bid of that version.");
        }
        catch (FormatException damage)
        {
            _logger.PendingEntryDamaged(auctionId, entry.Name.ToString(), damage.Message);
            return null;
        }
    }

    /// <summary>
    /// Calls Redis for an auction. If its data is damaged, its keys are dropped (<c>discard.lua</c>).
    /// </summary>
    /// <param name="ifDamaged">What the caller then gets: the auction counts as missing.</param>
    private async Task<T> CallAsync<T>(
        Guid auctionId, Func<Task<T>> call, T ifDamaged, CancellationToken cancellationToken)
    {
        try
        {
            return await CallAsync(call, cancellationToken);
        }
        catch (HotStateUnavailableException e) when (e.InnerException is AuctionDamagedException damage)
        {
            var keys = new HotKeys(auctionId);
            await CallAsync(
                () => _discard.RunAsync(_redis, [keys.Auction, keys.Pending, .. keys.Answers], []), cancellationToken);
            _logger.AuctionDiscarded(auctionId, damage.InnerException!.Message);
            return ifDamaged;
        }
    }

    /// <exception cref="HotStateUnavailableException">
    /// Redis did not answer; or, with an <see cref="AuctionDamagedException"/> inside, the data is damaged.
    /// </exception>
    private async Task<T> CallAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            Task<T> reply;
            lock (_sending) reply = call();
            return await reply.WaitAsync(_callTimeout, cancellationToken);
        }
        catch (Exception e) when (RedisFaults.Of(e) != RedisFault.None)
        {
            var cause = RedisFaults.CauseOf(e);
            var isDamage = RedisFaults.Of(e) == RedisFault.Damage;
            throw new HotStateUnavailableException(
                $"Redis did not answer: {cause.Message}", isDamage ? new AuctionDamagedException(cause) : cause);
        }
    }

    private static string Text(Guid id) => id.ToString("D");

    /// <summary>
    /// The terms by auction, so that a reply need not repeat them. Bounded: a full cache drops the terms that were not
    /// used for the longest time, at the cost of one longer reply.
    /// </summary>
    private sealed class KnownTerms(int auctionsMax)
    {
        private static readonly MemoryCacheEntryOptions One = new() { Size = 1 };

        private readonly MemoryCache _byAuction = new(new MemoryCacheOptions { SizeLimit = auctionsMax });

        /// <summary>The terms with the digest to send; the digest is empty if the terms are not known.</summary>
        public (Terms? Terms, string Digest) Find(Guid auctionId) =>
            _byAuction.TryGetValue<Terms>(auctionId, out var terms) ? (terms, terms!.Digest) : (null, "");

        public Terms Add(Guid auctionId, string line) => _byAuction.Set(auctionId, Terms.Parse(line), One);
    }
}
