using Auctions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Auctions.IntegrationTests.Hosting;

/// <summary>Only the host's stop ends a loop.</summary>
public sealed class BackgroundLoopTests
{
    public static TheoryData<Type> Faults =>
    [
        typeof(InvalidOperationException), typeof(AggregateException), typeof(OperationCanceledException),
        typeof(TaskCanceledException), typeof(TimeoutException), typeof(OutOfMemoryException), typeof(FormatException),
    ];

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_loop_goes_on_after_any_exception(Type fault)
    {
        using var loop = new FailingLoop(() => (Exception)Activator.CreateInstance(fault)!);
        await loop.StartAsync(CancellationToken.None);
        await Eventually.TrueAsync(() => loop.Runs >= 2);
        await Eventually.EndsAsync(loop.StopAsync(CancellationToken.None));
        Assert.True(loop.ExecuteTask!.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_loop_that_returns_begins_again()
    {
        using var loop = new FailingLoop(() => null);
        await loop.StartAsync(CancellationToken.None);
        await Eventually.TrueAsync(() => loop.Runs >= 2);
        await Eventually.EndsAsync(loop.StopAsync(CancellationToken.None));
    }

    private sealed class FailingLoop(Func<Exception?> fault)
        : BackgroundLoop(TimeProvider.System, NullLogger.Instance)
    {
        private int _runs;

        public int Runs => Volatile.Read(ref _runs);

        protected override Task LoopAsync(CancellationToken stoppingToken)
        {
            Interlocked.Increment(ref _runs);
            return fault() is { } thrown ? throw thrown : Task.CompletedTask;
        }
    }
}
