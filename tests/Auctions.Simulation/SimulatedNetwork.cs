namespace Auctions.Simulation;

/// <summary>
/// The network between one instance and the stores. Every message takes time. A request or its reply may be lost, and a
/// request may arrive twice. An instance that has died gets no replies.
/// </summary>
/// <param name="lossShare">The share of calls whose request is lost; the same share loses the reply, and the same share
/// arrives twice.</param>
internal sealed class SimulatedNetwork(SimulatedScheduler scheduler, Random random, Func<double> lossShare)
{
    public bool Dead { get; set; }

    /// <summary>Sends a request and waits for its reply.</summary>
    /// <param name="effect">What the server does. Its exception comes back as the reply.</param>
    /// <param name="lost">What the caller gets after it has waited too long.</param>
    public async Task<T> CallAsync<T>(Func<T> effect, Func<Exception> lost)
    {
        await TravelAsync();
        var fate = random.NextDouble() / Math.Max(lossShare(), 1e-9);
        if (fate < 1) throw await TimeOutAsync(lost);
        var reply = effect();
        if (fate is >= 2 and < 3) reply = effect();
        await TravelAsync();
        return fate is >= 1 and < 2 ? throw await TimeOutAsync(lost) : reply;
    }

    /// <summary>A call that ends when a row stays locked: it waits in the queue of the row's lock before.</summary>
    public async Task<T> CallWaitingAsync<T>(Func<Task<T>> call, Func<T, bool> isBusy)
    {
        var reply = await call();
        if (isBusy(reply)) await DelayAsync(50_000);
        return reply;
    }

    private async Task<Exception> TimeOutAsync(Func<Exception> lost)
    {
        await TravelAsync(10);
        return lost();
    }

    private async Task TravelAsync(int times = 1)
    {
        var us = random.Next(50, 1_500) * times;
        await DelayAsync(random.Next(40) == 0 ? us * 20 : us);
    }

    private async Task DelayAsync(long us)
    {
        await scheduler.DelayAsync(us);
        if (Dead) await new TaskCompletionSource().Task;
    }
}
