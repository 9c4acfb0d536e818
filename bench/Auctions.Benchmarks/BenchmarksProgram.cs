using System.CommandLine;

namespace Auctions.Benchmarks;

internal static class BenchmarksProgram
{
    /// <summary>An interrupted run stops its servers before it ends.</summary>
    private static readonly TimeSpan StopWithin = TimeSpan.FromMinutes(1);

    public static Task<int> Main(string[] args) =>
        BenchCommand.Create(TimeProvider.System).Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = StopWithin });
}
