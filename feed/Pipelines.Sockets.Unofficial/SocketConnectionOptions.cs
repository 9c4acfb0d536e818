namespace Pipelines.Sockets.Unofficial;

/// <summary>How a <see cref="SocketConnection"/> behaves.</summary>
[Flags]
public enum SocketConnectionOptions
{
    /// <summary>As a rule.</summary>
    None = 0,

    /// <summary>Waits for data with an empty read, so that an idle connection holds no buffer.</summary>
    ZeroLengthReads = 1,
}
