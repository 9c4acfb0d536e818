namespace Auctions.Events;

/// <summary>A message of the feed is not what Debezium writes, or not of our tables.</summary>
/// <param name="field">The field that is wrong, such as <c>source.lsn</c> or <c>after.price</c>; <c>$</c> for all of it.</param>
/// <param name="why">What is wrong with it.</param>
public sealed class MalformedEnvelopeException(string field, string why, Exception? inner = null)
    : FormatException($"The field '{field}' of a change is malformed: {why}", inner)
{
    /// <summary>The field that is wrong.</summary>
    public string Field { get; } = field;
}
