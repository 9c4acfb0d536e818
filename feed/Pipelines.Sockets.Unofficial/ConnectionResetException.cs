namespace Pipelines.Sockets.Unofficial;

/// <summary>The peer reset the connection.</summary>
public class ConnectionResetException : IOException
{
    /// <summary>Says why.</summary>
    public ConnectionResetException(string message)
        : base(message)
    {
    }

    /// <summary>Says why, and what the socket said.</summary>
    public ConnectionResetException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
