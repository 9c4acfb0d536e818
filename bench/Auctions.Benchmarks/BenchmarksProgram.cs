namespace Auctions.Benchmarks;

internal static class BenchmarksProgram
{
    public static Task<int> Main(string[] args) => BenchCommand.Create(TimeProvider.System).Parse(args).InvokeAsync();
}
