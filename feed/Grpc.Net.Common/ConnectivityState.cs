namespace Grpc.Core;

/// <summary>The state of a channel.</summary>
public enum ConnectivityState
{
    /// <summary>Not connected, and not trying to.</summary>
    Idle,

    /// <summary>Connecting.</summary>
    Connecting,

    /// <summary>Ready for calls.</summary>
    Ready,

    /// <summary>The last attempt failed; there will be another.</summary>
    TransientFailure,

    /// <summary>Shut down, for good.</summary>
    Shutdown,
}
