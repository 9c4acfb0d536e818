using System.Globalization;
using System.Text;
using Auctions.Core;

namespace Auctions.HotState;

/// <summary>
/// A decided bid as one line, in Redis' pending entries, idempotency records and replies. Fields are separated by one blank
/// and may be empty; no field holds a blank. In order:
/// <code>
/// outcome reason version id prev kind bidder key currency amount max decided_us terms_digest   (13)
/// status price ceiling leader end_us extensions bid_count                                      (7: before)
/// status price ceiling leader end_us extensions bid_count                                      (7: after)
/// </code>
/// Words are those of <see cref="EnumText"/>, numbers are decimal digits. <c>place_bids.lua</c> writes such lines too.
/// </summary>
public static class DecisionLine
{
    /// <summary>Twice what three names of 128 characters and the longest numbers come to.</summary>
    private const int BytesMax = 2_048;

    public static string Format(DecidedBid decided)
    {
        var bid = decided.Bid;
        return string.Create(CultureInfo.InvariantCulture,
            $"{EnumText.Of(decided.Outcome)} {EnumText.Of(decided.Reason)} {decided.Version} {decided.Id} {decided.Prev} {EnumText.Of(bid.Kind)} {bid.Bidder} {bid.Key} {bid.Currency} {bid.Amount} {bid.Max} {decided.DecidedUs} {decided.TermsDigest} {State(decided.Before)} {State(decided.After)}");
    }

    /// <summary>As it comes from Redis: no string is made of it.</summary>
    /// <exception cref="FormatException">As below.</exception>
    public static DecidedBid Parse(Guid auctionId, ReadOnlySpan<byte> line)
    {
        if (line.Length > BytesMax) throw new FormatException($"A decision line has at most {BytesMax} bytes; this one has {line.Length}.");
        Span<char> text = stackalloc char[line.Length];
        return Parse(auctionId, text[..Encoding.Latin1.GetChars(line, text)]);
    }

    /// <summary>Reads what <see cref="Format"/> or the script wrote.</summary>
    /// <exception cref="FormatException">It is no such line; the message says which field is not.</exception>
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
        $"{EnumText.Of(state.Status)} {state.Price} {state.Ceiling} {state.Leader} {state.EndUs} {state.Extensions} {state.BidCount}");

    /// <summary>The fields of a line, one after another.</summary>
    private ref struct Fields(ReadOnlySpan<char> line)
    {
        private ReadOnlySpan<char> _rest = line;
        private int _read;
        private bool _ended;

        public T Word<T>() where T : struct, Enum => EnumText.Parse<T>(Next());

        public long Number() => Number(long.MaxValue);

        public Guid Id() => Guid.TryParseExact(Next(), "D", out var id) ? id : throw Wrong("a UUID");

        public string Text() => Next() is { Length: > 0 } text ? Known(text) ?? text.ToString() : "";

        /// <summary>A state, whose leader is most often one of two whose names are at hand.</summary>
        public AuctionState State(string bidder, string leaderBefore)
        {
            var status = Word<AuctionStatus>();
            var (price, ceiling) = (Number(), Number());
            var leader = Next();
            var name = leader.SequenceEqual(bidder) ? bidder : leader.SequenceEqual(leaderBefore) ? leaderBefore : leader.ToString();
            return new AuctionState(status, price, ceiling, name, Number(), (int)Number(int.MaxValue), Number());
        }

        public readonly void End()
        {
            if (!_ended) throw new FormatException($"A decision line has {_read} fields; this one goes on with '{_rest}'.");
        }

        private static string? Known(ReadOnlySpan<char> text) =>
            text is "USD" ? "USD" : text is "EUR" ? "EUR" : null; // by far the most frequent: no string for each bid

        private long Number(long most) =>
            long.TryParse(Next(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= most
                ? number
                : throw Wrong($"a number from 0 to {most}");

        private ReadOnlySpan<char> Next()
        {
            if (_ended) throw new FormatException($"A decision line ends after {_read} fields.");
            _read++;
            var blank = _rest.IndexOf(' ');
            _ended = blank < 0;
            var field = _ended ? _rest : _rest[..blank];
            _rest = _ended ? default : _rest[(blank + 1)..];
            return field;
        }

        private readonly FormatException Wrong(string what) => new($"Field {_read} of a decision line is not {what}.");
    }
}
