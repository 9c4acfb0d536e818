namespace Grpc.Core;

/// <summary>A channel's implementation derives from this to learn of what <see cref="ChannelCredentials"/> consist.</summary>
public abstract class ChannelCredentialsConfiguratorBase
{
    /// <summary>Connections without encryption.</summary>
    public abstract void SetInsecureCredentials(object state);

    /// <summary>Connections with TLS.</summary>
    public abstract void SetSslCredentials(
        object state,
        string? rootCertificates,
        KeyCertificatePair? keyCertificatePair,
        VerifyPeerCallback? verifyPeerCallback);

    /// <summary>A channel's credentials with those of its every call.</summary>
    public abstract void SetCompositeCredentials(
        object state,
        ChannelCredentials channelCredentials,
        CallCredentials callCredentials);
}
