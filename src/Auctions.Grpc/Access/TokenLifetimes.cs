using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Auctions.Grpc;

/// <summary>Makes streams end when their tokens expire.</summary>
internal sealed class TokenLifetimes(IOptions<AuthOptions> options, TimeProvider timeProvider)
{
    private readonly TimeSpan _skew = TimeSpan.FromSeconds(options.Value.ClockSkewSeconds);

    /// <summary>Begins to watch over the call's token; null if the call is short or has no token.</summary>
    public TokenLifetime? Begin(HttpContext http, Caller caller, MethodType type)
    {
        if (type == MethodType.Unary || caller.Expires == DateTimeOffset.MaxValue) return null;
        var lifetime = new TokenLifetime(caller.Expires + _skew, type, http.RequestAborted, timeProvider);
        http.RequestAborted = lifetime.Ended;
        http.Features.Set(lifetime);
        return lifetime;
    }
}

/// <summary>
/// The time for which a stream may be open: until its token expires, and the skew (<c>Auth:ClockSkewSeconds</c>)
/// longer.
/// <para>Concurrency: a timer's thread ends it; any thread may look.</para>
/// <para>Lifecycle: from the admission of the call to its end.</para>
/// <para>Invariants: at the expiry, nothing more is read (<see cref="Expired"/>). A stream that only the server writes
/// ends at once. One with requests answers those that it has taken; <see cref="AnswersMax"/> later it ends anyway, as
/// its client does not read the answers.</para>
/// <para>Bounds: one timer.</para>
/// </summary>
internal sealed class TokenLifetime : IDisposable
{
    /// <summary>Longer than a call may wait for the ledger.</summary>
    private static readonly TimeSpan AnswersMax = TimeSpan.FromSeconds(10);

    /// <summary>A timer cannot be set further ahead.</summary>
    private static readonly TimeSpan TimerMax = TimeSpan.FromDays(30);

    private readonly CancellationTokenSource _expired = new();
    private readonly CancellationTokenSource _ended;
    private readonly DateTimeOffset _until;
    private readonly MethodType _type;
    private readonly TimeProvider _timeProvider;
    private readonly ITimer _timer;

    public TokenLifetime(
        DateTimeOffset until, MethodType type, CancellationToken aborted, TimeProvider timeProvider)
    {
        (_until, _type, _timeProvider) = (until, type, timeProvider);
        _ended = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        _timer = timeProvider.CreateTimer(
            static lifetime => ((TokenLifetime)lifetime!).OnTimer(), this, Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        SetTimer(until - timeProvider.GetUtcNow());
    }

    /// <summary>Cancelled when the token has expired.</summary>
    public CancellationToken Expired => _expired.Token;

    /// <summary>Cancelled when the client has gone, or the stream must end because of its token.</summary>
    public CancellationToken Ended => _ended.Token;

    public bool IsExpired => _expired.IsCancellationRequested;

    public void Dispose()
    {
        _timer.Dispose();
        _ended.Dispose();
        _expired.Dispose();
    }

    private void SetTimer(TimeSpan due) => _timer.Change(
        due < TimeSpan.Zero ? TimeSpan.Zero : due < TimerMax ? due : TimerMax, Timeout.InfiniteTimeSpan);

    private void OnTimer()
    {
        var left = _until - _timeProvider.GetUtcNow();
        try
        {
            if (left > TimeSpan.Zero)
            {
                SetTimer(left);
                return;
            }

            var answersAreDue = IsExpired;
            _expired.Cancel();
            if (_type == MethodType.ServerStreaming || answersAreDue) _ended.Cancel();
            else SetTimer(AnswersMax);
        }
        catch (ObjectDisposedException)
        {
            // The call has just ended.
        }
    }
}
