using System.Globalization;

namespace Auctions.Core;

/// <summary>
/// How far above a price the next bid must be: a fixed amount, a share of the price, or a table by price. The text form
/// is one word without blanks, the same in Redis, in Postgres and here: <c>fixed:100</c>, <c>bps:250</c>,
/// <c>ladder:ebay-us:0=5,100=25</c> (price from which the step applies, increment). All amounts in minor units.
/// </summary>
public abstract record Increment
{
    /// <summary>The most characters of the text form.</summary>
    public const int TextMax = 4_096;

    /// <summary>What a text must be that <see cref="Parse"/> reads; continues a sentence.</summary>
    public const string FormRule =
        "must be an increment such as 'fixed:100', 'bps:250' (1 to 10,000) or 'ladder:name:0=5,100=25'";

    private Increment() { }

    /// <summary>The increment that applies at a price, in minor units, at least 1.</summary>
    public abstract long At(long price);

    /// <summary>
    /// The lowest next bid at this price. At most <see cref="Currency.MaxAmount"/> + 1, which no bid can reach.
    /// </summary>
    public long Above(long price) => Math.Min(price + At(price), Currency.MaxAmount + 1);

    /// <summary>The same at every price.</summary>
    /// <param name="Amount">Minor units, 1 to <see cref="Currency.MaxAmount"/>.</param>
    /// <exception cref="ArgumentException">The amount is out of that range.</exception>
    public sealed record Fixed(long Amount) : Increment
    {
        public long Amount { get; } = Amount is >= 1 and <= Currency.MaxAmount
            ? Amount
            : throw new ArgumentException($"The increment must be 1 to 2^53 - 1, and is {Amount}.", nameof(Amount));

        public override long At(long price) => Amount;
        public override string ToString() => Invariant($"fixed:{Amount}");
    }

    /// <summary>A share of the price, rounded up to a minor unit, and at least one.</summary>
    /// <param name="Points">Hundredths of a percent, 1 to 10,000.</param>
    /// <exception cref="ArgumentException">The share is out of that range.</exception>
    public sealed record BasisPoints(int Points) : Increment
    {
        /// <summary>No bid has to more than double the price. This also keeps Lua's products below 2^53.</summary>
        public const int Max = 10_000;

        public int Points { get; } = Points is >= 1 and <= Max
            ? Points
            : throw new ArgumentException($"Basis points must be 1 to 10,000, and are {Points}.", nameof(Points));

        // Split as in Lua, where every product must stay an integer that a double holds exactly.
        public override long At(long price) =>
            Math.Max(1, price / 10_000 * Points + (price % 10_000 * Points + 9_999) / 10_000);

        public override string ToString() => Invariant($"bps:{Points}");
    }

    /// <summary>A named table: each step's increment applies from the step's price on.</summary>
    public sealed record Ladder : Increment
    {
        private readonly (long From, long Amount)[] _steps;

        /// <param name="name">Letters, digits and hyphens.</param>
        /// <param name="steps">Rising in price, the first at 0; increments of at least 1. Minor units.</param>
        /// <exception cref="ArgumentException">A step breaks one of these rules; the message says which.</exception>
        public Ladder(string name, params (long From, long Amount)[] steps)
        {
            if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '-'))
            {
                throw new ArgumentException(
                    $"A ladder's name may have only letters, digits and hyphens: '{name}'.", nameof(name));
            }

            if (steps.Length == 0 || steps[0].From != 0)
                throw new ArgumentException($"Ladder '{name}' must begin at the price 0.", nameof(steps));
            for (var i = 0; i < steps.Length; i++)
            {
                var (from, amount) = steps[i];
                var problem = amount is < 1 or > Currency.MaxAmount ? $"the increment {amount} is not 1 to 2^53 - 1"
                    : from > Currency.MaxAmount ? $"the price {from} is above 2^53 - 1"
                    : i > 0 && from <= steps[i - 1].From ? $"the price {from} does not rise"
                    : null;
                if (problem is not null)
                    throw new ArgumentException($"Ladder '{name}', step {i}: {problem}.", nameof(steps));
            }

            Name = name;
            _steps = steps;
        }

        /// <summary>The name in the configuration, such as <c>ebay-us</c>.</summary>
        public string Name { get; }

        public override long At(long price)
        {
            var i = _steps.Length - 1;
            while (_steps[i].From > price) i--;
            return _steps[i].Amount;
        }

        public bool Equals(Ladder? other) => other is not null && ToString() == other.ToString();
        public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);
        public override string ToString() =>
            $"ladder:{Name}:" + string.Join(',', _steps.Select(s => Invariant($"{s.From}={s.Amount}")));
    }

    /// <summary>eBay's increments in US cents: five cents below $1, and so on up to $100 from $5,000.</summary>
    public static Ladder EbayUs { get; } = new("ebay-us",
        (0, 5), (1_00, 25), (5_00, 50), (25_00, 1_00), (100_00, 2_50), (250_00, 5_00), (500_00, 10_00),
        (1_000_00, 25_00), (2_500_00, 50_00), (5_000_00, 100_00));

    /// <summary>
    /// Reads the text form, exactly as <see cref="ToString"/> writes it: without leading zeros, at most
    /// <see cref="TextMax"/> characters.
    /// </summary>
    /// <exception cref="FormatException">The text is not an increment.</exception>
    public static Increment Parse(string text)
    {
        try
        {
            if (text.Length > TextMax) throw new FormatException();
            return text.Split(':') switch
            {
                ["fixed", var amount] => new Fixed(Number(amount)),
                ["bps", var points] => new BasisPoints(checked((int)Number(points))),
                ["ladder", var name, var steps] => new Ladder(name, [.. steps.Split(',').Select(Step)]),
                _ => throw new FormatException(),
            };
        }
        catch (Exception e) when (e is FormatException or ArgumentException or OverflowException)
        {
            throw new FormatException($"'{text}' {FormRule}.", e);
        }

        static (long, long) Step(string step) =>
            step.Split('=') is [var from, var amount] ? (Number(from), Number(amount)) : throw new FormatException();
    }

    private static long Number(string digits) => digits is ['0', _, ..]
        ? throw new FormatException()
        : long.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
