using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Auctions.IntegrationTests.Hosting;

/// <summary>Stops a server while streams are open.</summary>
internal static class Stopping
{
    /// <summary>
    /// Stops without a shutdown timeout: an open call that delays the end is not aborted, so this task does not
    /// complete and the test fails.
    /// </summary>
    public static Task StopWithoutHasteAsync(this WebApplication app)
    {
        app.Services.GetRequiredService<IOptions<HostOptions>>().Value.ShutdownTimeout = Timeout.InfiniteTimeSpan;
        return app.StopAsync();
    }

    /// <summary>Reads the next message from a server that stops; false if the stream has ended.</summary>
    /// <remarks>
    /// The end of the connection may overtake the status of the call. The client then throws instead of reporting OK.
    /// </remarks>
    public static async Task<bool> TryReadAsync<T>(this IAsyncStreamReader<T> stream, TimeSpan bound)
    {
        try
        {
            return await stream.MoveNext(CancellationToken.None).WaitAsync(bound, TimeProvider.System);
        }
        catch (RpcException e) when (e.Status.DebugException is IOException)
        {
            return false;
        }
    }
}
