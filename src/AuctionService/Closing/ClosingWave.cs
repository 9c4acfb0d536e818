using Quartz;

namespace AuctionService.Closing;

/// <summary>What Quartz runs at each instant: one wave.</summary>
internal sealed class ClosingWave(Waves waves) : IJob
{
    public static JobKey Key { get; } = new("closing-wave");

    public async ValueTask Execute(IJobExecutionContext context, CancellationToken cancellationToken) => await waves.RunAsync(cancellationToken);
}
