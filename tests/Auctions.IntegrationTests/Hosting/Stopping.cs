using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Auctions.IntegrationTests.Hosting;

internal static class Stopping
{
    /// <summary>
    /// Stops a process whose patience with open calls never ends: one that holds it up is not torn off, and so is seen. That its client hears of an
    /// end is all that can be asked of the call: where the connection's end overtakes the call's, the client makes up a status of its own.
    /// </summary>
    public static Task StopWithoutHasteAsync(this WebApplication app)
    {
        app.Services.GetRequiredService<IOptions<HostOptions>>().Value.ShutdownTimeout = Timeout.InfiniteTimeSpan;
        return app.StopAsync();
    }
}
