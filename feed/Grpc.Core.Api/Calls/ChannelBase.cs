namespace Grpc.Core;

/// <summary>A channel: the way to a target, over connections of its own.</summary>
public abstract class ChannelBase
{
    /// <summary>Creates a channel.</summary>
    /// <exception cref="ArgumentNullException">The target is null.</exception>
    protected ChannelBase(string target)
    {
        ArgumentNullException.ThrowIfNull(target);
        Target = target;
    }

    /// <summary>What the channel was asked to connect to.</summary>
    public string Target { get; }

    /// <summary>Creates what makes calls on this channel.</summary>
    public abstract CallInvoker CreateCallInvoker();

    /// <summary>Shuts the channel down.</summary>
    public Task ShutdownAsync() => ShutdownAsyncCore();

    /// <summary>Shuts the channel down; without an override there is nothing to shut down.</summary>
    protected virtual Task ShutdownAsyncCore() => Task.CompletedTask;
}
