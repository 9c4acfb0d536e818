using System.Diagnostics.Metrics;
using Auctions.Grpc;
using Auctions.Hosting;
using Grpc.Core;
using Microsoft.Extensions.Options;

namespace StreamGateway;

/// <summary>How many streams there are, how many there may be, and when they must go.</summary>
internal sealed class StreamLimiter : IDisposable
{
    public const string MeterName = "Auctions.StreamGateway";

    private readonly Meter _meter = new(MeterName);
    private readonly int _max;
    private int _taken;

    /// <param name="draining">Set when the gateway begins to stop.</param>
    public StreamLimiter(IOptions<GatewayOptions> options, CancellationToken draining)
    {
        _max = options.Value.MaxStreams;
        Draining = draining;
        _meter.CreateObservableGauge("auctions.gateway.streams", () => Taken, description: "Streams that are open.");
    }

    /// <summary>Set when every stream is to end.</summary>
    public CancellationToken Draining { get; }

    public int Taken => Volatile.Read(ref _taken);

    /// <summary>Takes a place; disposing of it gives it back.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED, or UNAVAILABLE while draining.</exception>
    public Place Take()
    {
        ThrowIfDraining();
        if (Interlocked.Increment(ref _taken) <= _max) return new Place(this);
        Interlocked.Decrement(ref _taken);
        throw RpcErrors.ResourceExhausted("TOO_MANY_STREAMS", $"This gateway serves {_max} streams, and has them.", TimeSpan.FromSeconds(5));
    }

    /// <exception cref="RpcException">UNAVAILABLE with the reason DRAINING.</exception>
    public void ThrowIfDraining()
    {
        if (Draining.IsCancellationRequested)
            throw RpcErrors.Draining("This gateway is stopping: resume elsewhere, with the last version seen.");
    }

    public void Dispose() => _meter.Dispose();

    internal readonly struct Place(StreamLimiter places) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref places._taken);
    }
}
