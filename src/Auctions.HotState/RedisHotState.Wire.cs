using System.Globalization;
using Auctions.Core;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Auctions.HotState;

/// <summary>What goes to Redis and what comes back.</summary>
public sealed partial class RedisHotState
{
    private static void Write(Proposal proposal, bool limited, Span<RedisValue> arguments)
    {
        var bid = proposal.Bid;
        if (bid.Bidder.Contains(' ') || bid.Currency.Contains(' '))
            throw new ArgumentException($"A blank would end the field: bidder '{bid.Bidder}', currency '{bid.Currency}'.", nameof(proposal));
        arguments[0] = Text(proposal.Id);
        arguments[1] = EnumText.Of(bid.Kind);
        arguments[2] = bid.Bidder;
        arguments[3] = Text(bid.Key);
        arguments[4] = bid.Currency;
        arguments[5] = bid.Amount;
        arguments[6] = bid.Max;
        arguments[7] = proposal.Void != Guid.Empty ? Text(proposal.Void) : limited ? "limited" : RedisValue.EmptyString;
    }

    /// <summary>The velocity windows that can still matter, as far as these answers tell.</summary>
    private List<(string Bidder, string Window)> WindowsOf(IReadOnlyList<DecidedBid> answers)
    {
        if (_velocity.BidsMax == 0 || answers.Count == 0) return [];
        var fromUs = answers.Max(a => a.DecidedUs) - _velocity.WindowUs;
        return [.. answers.Where(a => a.DecidedUs > fromUs).OrderBy(a => a.DecidedUs).GroupBy(a => a.Bid.Bidder).Select(bidder =>
            (bidder.Key, string.Concat(bidder.TakeLast(_velocity.BidsMax).Select(a => $"{a.DecidedUs:D16} "))))];
    }

    private Proposed Read(Guid auctionId, RedisResult[] reply, Terms? known)
    {
        var terms = (string?)reply[0] is { Length: > 0 } line ? _knownTerms.Learn(auctionId, line) : known!;
        var bids = new DecidedBid[reply.Length - 1];
        for (var i = 0; i < bids.Length; i++) bids[i] = DecisionLine.Parse(auctionId, (byte[]?)reply[i + 1]);
        return new Proposed(terms, bids);
    }

    /// <summary>A head that is not as the scripts write it is none; hydrate.lua sees it alike, and sets another.</summary>
    private static HotHead? ReadHead(string? version, string? head)
    {
        if (version is null || version.Length > VersionDigitsMax || !Guid.TryParseExact(head, "D", out var id) || Text(id) != head) return null;
        var readable = long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        return readable && number.ToString(CultureInfo.InvariantCulture) == version ? new HotHead(number, id) : null;
    }

    /// <summary>A damaged entry is as good as lost: no ledger could take it.</summary>
    private DecidedBid? ReadPending(Guid auctionId, HashEntry entry)
    {
        try
        {
            var decided = DecisionLine.Parse(auctionId, (string?)entry.Value);
            if (decided.Accepted && entry.Name == decided.Version) return decided;
            throw new FormatException("It is not an accepted bid of that version.");
        }
        catch (FormatException damage)
        {
            LogDamaged(_logger, auctionId, entry.Name.ToString(), damage.Message);
            return null;
        }
    }

    /// <summary>What is stored there, or <paramref name="otherwise"/> where someone has put a key of another type in its place.</summary>
    private static async Task<T> UnlessOfAnotherType<T>(Task<T> read, T otherwise)
    {
        try
        {
            return await read;
        }
        catch (RedisServerException e) when (e.Message.StartsWith("WRONGTYPE", StringComparison.Ordinal))
        {
            return otherwise;
        }
    }

    /// <summary>Asks Redis. An answer that cannot be read is no answer: what is stored was damaged, and the ledger must decide.</summary>
    private async Task<T> AskAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        try
        {
            Task<T> asked;
            lock (_sending) asked = ask();
            return await asked.WaitAsync(_callTimeout, cancellationToken);
        }
        catch (Exception e) when (e is RedisException or TimeoutException or ObjectDisposedException or FormatException or IOException)
        {
            // IOException: what broke a connection, where the client hands it on to who waited for an answer on it.
            throw new HotStateUnavailableException($"Redis did not answer: {e.Message}", e);
        }
    }

    private static string Text(Guid id) => id.ToString("D");

    [LoggerMessage(LogLevel.Warning, "Auction {AuctionId}: the pending entry {Version} is damaged and is left out: {Damage}")]
    private static partial void LogDamaged(ILogger logger, Guid auctionId, string version, string damage);
}
