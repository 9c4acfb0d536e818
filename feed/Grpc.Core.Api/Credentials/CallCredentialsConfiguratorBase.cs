namespace Grpc.Core;

/// <summary>A channel's implementation derives from this to learn of what <see cref="CallCredentials"/> consist.</summary>
public abstract class CallCredentialsConfiguratorBase
{
    /// <summary>They consist of others.</summary>
    public abstract void SetCompositeCredentials(object state, IReadOnlyList<CallCredentials> credentials);

    /// <summary>They are a function.</summary>
    public abstract void SetAsyncAuthInterceptorCredentials(object state, AsyncAuthInterceptor interceptor);
}
