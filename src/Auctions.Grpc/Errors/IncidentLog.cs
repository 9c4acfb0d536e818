using System.Collections.Concurrent;

namespace Auctions.Grpc;

/// <summary>
/// Lets one log line through for each kind of incident and second, so that a caller cannot fill the log.
/// </summary>
/// <remarks>The kinds are constants of the code, or its methods and exceptions: never what a caller sends.</remarks>
public sealed class IncidentLog(TimeProvider timeProvider)
{
    private readonly ConcurrentDictionary<string, long> _lastSecond = new(StringComparer.Ordinal);

    /// <summary>Whether this is the first incident of its kind in this second: it is to be logged.</summary>
    public bool IsFirst(string kind)
    {
        var second = timeProvider.GetTimestamp() / timeProvider.TimestampFrequency;
        if (_lastSecond.TryGetValue(kind, out var last))
            return last != second && _lastSecond.TryUpdate(kind, second, last);
        return _lastSecond.TryAdd(kind, second);
    }
}
