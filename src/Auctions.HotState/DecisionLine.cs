using System.Globalization;
using System.Text;
using Auctions.Core;

namespace Auctions.HotState;

/// <summary>
/// A decided bid as one line, for Redis' pending entries, idempotency records and replies. Fields are separated by one
/// blank and may be empty; no field contains a blank. In this order:
/// <code>
/// outcome reason version id prev kind bidder key currency amount max decided_us terms_digest   (13)
/// status price ceiling leader end_us extensions bid_count                                      (7: before)
/// status price ceiling leader end_us extensions bid_count                                      (7: after)
/// </code>
/// Words are those of <see cref="EnumText"/>, numbers are decimal digits. <c>place_bids.lua</c> writes such lines too.
/// </summary>
public static class DecisionLine
{
    /// <summary>Twice the length of a line with three names of 128 characters and the longest numbers.</summary>
    private const int BytesMax = 2_048;

    public static string Format(DecidedBid decided)
    {
        var bid = decided.Bid;
        return string.Create(CultureInfo.InvariantCulture,
            $"{EnumText.Of(decided.Outcome)} {EnumText.Of(decided.Reason)} "
            + $"{decided.Version} {decided.Id} {decided.Prev} "
            + $"{EnumText.Of(bid.Kind)} {bid.Bidder} {bid.Key} {bid.Currency} {bid.Amount} {bid.Max} "
            + $"{decided.DecidedUs} {decided.TermsDigest} {State(decided.Before)} {State(decided.After)}");
    }

    /// <summary>Reads a line as it comes from Redis, without a string for the whole line.</summary>
    /// <exception cref="FormatException">See the other overload.</exception>
    public static DecidedBid Parse(Guid auctionId, ReadOnlySpan<byte> line)
    {
        if (line.Length > BytesMax)
            throw new FormatException($"A decision line has at most {BytesMax} bytes; this one has {line.Length}.");
        Span<char> text = stackalloc char[line.Length];
        return Parse(auctionId, text[..Encoding.Latin1.GetChars(line, text)]);
    }

    /// <summary>Reads a line that <see cref="Format"/> or the script wrote.</summary>
    /// <exception cref="FormatException">The text is not such a line; the message names the wrong field.</exception>
    public static DecidedBid Parse(Guid auctionId, ReadOnlySpan<char> line)
    {
        var fields = new Fields(line);
        var outcome = fields.Word<BidOutcome>();
        var reason = fields.Word<RejectionReason>();
        var version = fields.Number();
        var id = fields.Id();
        var prev = fields.Id();
        var kind = fields.Word<BidKind>();
        var bidder = fields.Text();
        var key = fields.Id();
        var bid = new Bid(bidder, key, kind, fields.Text(), fields.Number(), fields.Number());
        var decidedUs = fields.Number();
        var digest = fields.Text();
        var before = fields.State(bidder, bidder);
        var after = fields.State(bidder, before.Leader);
        fields.End();
        return new DecidedBid(auctionId, id, prev, version, bid, outcome, reason, digest, before, after, decidedUs);
    }

    private static string State(AuctionState state) => string.Create(CultureInfo.InvariantCulture,
        $"{EnumText.Of(state.Status)} {state.Price} {state.Ceiling} {state.Leader} "
        + $"{state.EndUs} {state.Extensions} {state.BidCount}");

    /// <summary>Reads the fields of a line one after another.</summary>
    private ref struct Fields(ReadOnlySpan<char> line)
    {
        private ReadOnlySpan<char> _unread = line;
        private int _read;
        private bool _ended;

        public T Word<T>() where T : struct, Enum => EnumText.Parse<T>(Next());

        public long Number() => Number(long.MaxValue);

        public Guid Id() => Guid.TryParseExact(Next(), "D", out var id) ? id : throw Wrong("a UUID");

        public string Text() => Printable(Next()) is { Length: > 0 } text ? Interned(text) ?? text.ToString() : "";

        /// <summary>A state. Its leader is usually one of these two bidders, so that it needs no new string.</summary>
        public AuctionState State(string bidder, string leaderBefore)
        {
            var status = Word<AuctionStatus>();
            var (price, ceiling) = (Number(), Number());
            var leader = Printable(Next());
            var name = leader.SequenceEqual(bidder) ? bidder
                : leader.SequenceEqual(leaderBefore) ? leaderBefore
                : leader.ToString();
            return new AuctionState(status, price, ceiling, name, Number(), (int)Number(int.MaxValue), Number());
        }

        public readonly void End()
        {
            if (!_ended) throw new FormatException($"A decision line has {_read} fields; then comes '{_unread}'.");
        }

        /// <summary>Names are printable ASCII. Others could neither be stored in the ledger nor be compared.</summary>
        private readonly ReadOnlySpan<char> Printable(ReadOnlySpan<char> text) =>
            text.ContainsAnyExceptInRange('!', '~') ? throw Wrong("printable ASCII") : text;

        /// <summary>The most frequent currencies need no new string for each bid.</summary>
        private static string? Interned(ReadOnlySpan<char> text) =>
            text is "USD" ? "USD" : text is "EUR" ? "EUR" : null;

        private long Number(long max) =>
            long.TryParse(Next(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= max
                ? number
                : throw Wrong($"a number from 0 to {max}");

        private ReadOnlySpan<char> Next()
        {
            if (_ended) throw new FormatException($"A decision line ends after {_read} fields.");
            _read++;
            var blank = _unread.IndexOf(' ');
            _ended = blank < 0;
            var field = _ended ? _unread : _unread[..blank];
            _unread = _ended ? default : _unread[(blank + 1)..];
            return field;
        }

        private readonly FormatException Wrong(string expected) =>
            new($"Field {_read} of a decision line is not {expected}.");
    }
}
