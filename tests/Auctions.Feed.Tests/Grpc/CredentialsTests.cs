using Grpc.Core;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>Of what credentials consist, as a channel's implementation is told.</summary>
public class CredentialsTests
{
    private static readonly AsyncAuthInterceptor Token = (_, headers) =>
    {
        headers.Add("authorization", "Bearer t");
        return Task.CompletedTask;
    };

    private static readonly CallCredentials Call = CallCredentials.FromInterceptor(Token);

    [Fact]
    public void Insecure_credentials_are_insecure() =>
        Assert.Equal("insecure", ChannelParts.Of(ChannelCredentials.Insecure).Kind);

    [Fact]
    public void Tls_credentials_say_what_they_were_created_with()
    {
        var (pair, verify) = (new KeyCertificatePair("chain", "key"), new VerifyPeerCallback(_ => true));
        Assert.Equal(("ssl", "roots", pair, verify), ChannelParts.Of(new SslCredentials("roots", pair, verify)).Ssl);
        Assert.Equal(("ssl", null, null, null), ChannelParts.Of(ChannelCredentials.SecureSsl).Ssl);
        Assert.Equal(("chain", "key"), (pair.CertificateChain, pair.PrivateKey));
    }

    [Fact]
    public void Composite_credentials_are_a_channels_and_a_calls()
    {
        var ssl = new SslCredentials();
        var parts = ChannelParts.Of(ChannelCredentials.Create(ssl, Call));
        Assert.Equal(("composite", ssl, Call), (parts.Kind, parts.Channel, parts.Call));
    }

    [Fact]
    public void Call_credentials_do_not_go_over_a_channel_that_everybody_can_read() =>
        Assert.Throws<ArgumentException>(() => ChannelCredentials.Create(ChannelCredentials.Insecure, Call));

    [Fact]
    public void A_composite_is_composed_once() => Assert.Throws<ArgumentException>(
        () => ChannelCredentials.Create(ChannelCredentials.Create(new SslCredentials(), Call), Call));

    [Fact]
    public void A_part_that_is_null_is_refused()
    {
        Assert.Throws<ArgumentNullException>(() => ChannelCredentials.Create(null!, Call));
        Assert.Throws<ArgumentNullException>(() => ChannelCredentials.Create(new SslCredentials(), null!));
        Assert.Throws<ArgumentNullException>(() => CallCredentials.FromInterceptor(null!));
        Assert.Throws<ArgumentNullException>(() => CallCredentials.Compose(null!));
        Assert.Throws<ArgumentException>(() => CallCredentials.Compose(Call, null!));
    }

    [Fact]
    public void Call_credentials_are_composed_of_two_or_more_in_order()
    {
        var other = CallCredentials.FromInterceptor((_, _) => Task.CompletedTask);
        Assert.Equal([Call, other], CallParts.Of(CallCredentials.Compose(Call, other)).Composed);
        Assert.Throws<ArgumentException>(() => CallCredentials.Compose(Call));
    }

    [Fact]
    public void Call_credentials_hand_over_their_function() => Assert.Same(Token, CallParts.Of(Call).Interceptor);

    [Fact]
    public void The_context_of_a_function_names_the_call()
    {
        using var cancellation = new CancellationTokenSource();
        var context = new AuthInterceptorContext("https://bids", "PlaceBid", cancellation.Token);
        Assert.Equal(
            ("https://bids", "PlaceBid", cancellation.Token),
            (context.ServiceUrl, context.MethodName, context.CancellationToken));
        Assert.Equal(CancellationToken.None, new AuthInterceptorContext("u", "m").CancellationToken);
    }

    private sealed class ChannelParts : ChannelCredentialsConfiguratorBase
    {
        public string? Kind => Ssl.Kind;

        public (string? Kind, string? Roots, KeyCertificatePair? Pair, VerifyPeerCallback? Verify) Ssl { get; private set; }

        public ChannelCredentials? Channel { get; private set; }

        public CallCredentials? Call { get; private set; }

        public static ChannelParts Of(ChannelCredentials credentials)
        {
            var (parts, state) = (new ChannelParts(), new object());
            credentials.InternalPopulateConfiguration(parts, state);
            return parts;
        }

        public override void SetInsecureCredentials(object state) => Ssl = ("insecure", null, null, null);

        public override void SetSslCredentials(
            object state, string? rootCertificates, KeyCertificatePair? keyCertificatePair, VerifyPeerCallback? verifyPeerCallback) =>
            Ssl = ("ssl", rootCertificates, keyCertificatePair, verifyPeerCallback);

        public override void SetCompositeCredentials(
            object state, ChannelCredentials channelCredentials, CallCredentials callCredentials) =>
            (Ssl, Channel, Call) = (("composite", null, null, null), channelCredentials, callCredentials);
    }

    private sealed class CallParts : CallCredentialsConfiguratorBase
    {
        public IReadOnlyList<CallCredentials>? Composed { get; private set; }

        public AsyncAuthInterceptor? Interceptor { get; private set; }

        public static CallParts Of(CallCredentials credentials)
        {
            var parts = new CallParts();
            credentials.InternalPopulateConfiguration(parts, new object());
            return parts;
        }

        public override void SetCompositeCredentials(object state, IReadOnlyList<CallCredentials> credentials) =>
            Composed = credentials;

        public override void SetAsyncAuthInterceptorCredentials(object state, AsyncAuthInterceptor interceptor) =>
            Interceptor = interceptor;
    }
}
