using Google.Protobuf.WellKnownTypes;

namespace Auctions.Grpc;

/// <summary>
/// The contract's times and durations to microseconds and back. Fractions of a microsecond are cut off.
/// </summary>
public static class TimeMap
{
    private const long UsPerSecond = 1_000_000;
    private const int NanosPerUs = 1_000;

    // The range that google.protobuf.Timestamp allows: years 1 to 9999.
    private const long MinSeconds = -62_135_596_800;
    private const long MaxSeconds = 253_402_300_799;

    /// <summary>The range of google.protobuf.Duration: plus or minus 10,000 years.</summary>
    private const long MaxDurationSeconds = 315_576_000_000;

    /// <summary>Microseconds since 1970; null if the timestamp is not valid.</summary>
    public static long? ToUs(Timestamp time) =>
        time is { Seconds: >= MinSeconds and <= MaxSeconds, Nanos: >= 0 and < 1_000_000_000 }
            ? time.Seconds * UsPerSecond + time.Nanos / NanosPerUs
            : null;

    public static Timestamp FromUs(long us)
    {
        var seconds = Math.DivRem(us, UsPerSecond, out var remainder);
        return remainder >= 0
            ? new Timestamp { Seconds = seconds, Nanos = (int)remainder * NanosPerUs }
            : new Timestamp { Seconds = seconds - 1, Nanos = (int)(remainder + UsPerSecond) * NanosPerUs };
    }

    /// <summary>Null if a timestamp cannot express the time.</summary>
    public static Timestamp? FromUsOrNull(long us) =>
        us / UsPerSecond is > MinSeconds and < MaxSeconds ? FromUs(us) : null;

    /// <summary>Microseconds; null if the duration is not valid.</summary>
    public static long? ToUs(Duration duration) =>
        duration is
        {
            Seconds: >= -MaxDurationSeconds and <= MaxDurationSeconds,
            Nanos: > -1_000_000_000 and < 1_000_000_000
        }
        && Math.Sign(duration.Seconds) * Math.Sign(duration.Nanos) >= 0
            ? duration.Seconds * UsPerSecond + duration.Nanos / NanosPerUs
            : null;

    public static Duration DurationFromUs(long us) =>
        new() { Seconds = us / UsPerSecond, Nanos = (int)(us % UsPerSecond) * NanosPerUs };
}
