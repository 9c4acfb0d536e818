using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Auctions.Grpc;

/// <summary>
/// A place among a subject's calls in flight. It is given back when its last holder has left: the call, and the work
/// that goes on after a caller has gone away. So short deadlines take nobody past the limit.
/// <para>Concurrency: any thread may hold it or leave. Whoever calls <see cref="Hold"/> holds it already.</para>
/// </summary>
public sealed class HeldPlace : IDisposable
{
    private static readonly object ItemsKey = new();

    private readonly IDisposable _place;
    private int _holders = 1;

    internal HeldPlace(IDisposable place) => _place = place;

    /// <summary>The place of this unary call; null if its caller has no limit.</summary>
    public static HeldPlace? Of(ServerCallContext context) =>
        context.UserState.TryGetValue(ItemsKey, out var place) ? (HeldPlace)place : null;

    /// <summary>Another holder, which must call <see cref="Dispose"/> once.</summary>
    public void Hold() => Interlocked.Increment(ref _holders);

    /// <summary>One holder leaves.</summary>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref _holders) == 0) _place.Dispose();
    }

    internal void Attach(HttpContext http) => http.Items[ItemsKey] = this;
}
