using System.Collections.Concurrent;
using Auctions.Grpc;
using Auctions.V1;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;

namespace Auctions.Ctl.Replay;

/// <summary>The services of a stack, called with a token for each subject, and with retries.</summary>
public sealed class ReplayClients : IDisposable
{
    private static readonly TimeSpan AttemptTimeout = TimeSpan.FromSeconds(10), GiveUpAfter = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(25), PauseMax = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<(string Subject, Roles Role), Metadata> _headers = new();
    private readonly Func<string, Roles, string> _issueToken;
    private readonly TimeProvider _timeProvider;
    private readonly GrpcChannel[] _channels;

    /// <param name="bidding"><c>host:port</c>, as the other two.</param>
    public ReplayClients(
        string bidding, string auction, string gateway, Func<string, Roles, string> issueToken,
        TimeProvider timeProvider)
    {
        _issueToken = issueToken;
        _timeProvider = timeProvider;
        _channels = [Channel(bidding), Channel(auction), Channel(gateway)];
        Bidding = new BiddingService.BiddingServiceClient(_channels[0]);
        Auction = new AuctionService.AuctionServiceClient(_channels[1]);
        Stream = new StreamService.StreamServiceClient(_channels[2]);
    }

    public BiddingService.BiddingServiceClient Bidding { get; }
    public AuctionService.AuctionServiceClient Auction { get; }
    public StreamService.StreamServiceClient Stream { get; }

    /// <summary>Connects to each service.</summary>
    /// <exception cref="OperationCanceledException">Cancelled before all were connected.</exception>
    public Task ConnectAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(_channels.Select(channel => channel.ConnectAsync(cancellationToken)));

    /// <summary>
    /// Sends a request, and sends it again if its outcome is unknown (UNAVAILABLE, DEADLINE_EXCEEDED) or if nothing was
    /// decided (RESOURCE_EXHAUSTED), for 60 s. Each attempt has a deadline of 10 s. The pause before the next attempt
    /// is the server's RetryInfo, or else doubles from 25 ms to 1 s.
    /// </summary>
    /// <param name="send">
    /// Sends the same request at each call. It must be safe to repeat: it carries an idempotency key, or only reads.
    /// </param>
    /// <exception cref="RpcException">The last error, or the first one that is not retried.</exception>
    public async Task<T> SendAsync<T>(
        string subject, Roles role, Func<CallOptions, AsyncUnaryCall<T>> send, CancellationToken cancellationToken)
    {
        var began = _timeProvider.GetTimestamp();
        for (var pause = FirstPause; ; pause = pause * 2 < PauseMax ? pause * 2 : PauseMax)
        {
            try
            {
                var deadline = _timeProvider.GetUtcNow().UtcDateTime + AttemptTimeout;
                using var call = send(Options(subject, role, cancellationToken).WithDeadline(deadline));
                // Cancelled by us, it ends with OperationCanceledException, not with the RpcException of a failed call.
                return await call.ResponseAsync.WaitAsync(cancellationToken);
            }
            catch (RpcException e) when (IsRetryable(e) && _timeProvider.GetElapsedTime(began) < GiveUpAfter)
            {
                await Task.Delay(RetryDelay(e) ?? pause, _timeProvider, cancellationToken);
            }
        }
    }

    /// <summary>Options with the subject's token.</summary>
    public CallOptions Options(string subject, Roles role, CancellationToken cancellationToken)
    {
        var headers = _headers.GetOrAdd((subject, role), caller =>
            new Metadata { { "authorization", $"Bearer {_issueToken(caller.Subject, caller.Role)}" } });
        return new CallOptions(headers, cancellationToken: cancellationToken);
    }

    public void Dispose()
    {
        foreach (var channel in _channels) channel.Dispose();
    }

    private static bool IsRetryable(RpcException e) =>
        e.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted;

    private static TimeSpan? RetryDelay(RpcException e)
    {
        try
        {
            return RpcErrors.Detail<RetryInfo>(e)?.RetryDelay?.ToTimeSpan();
        }
        catch (InvalidProtocolBufferException)
        {
            // Details are optional, and the status is valid without them.
            return null;
        }
    }

    private static GrpcChannel Channel(string address)
    {
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            KeepAlivePingDelay = TimeSpan.FromSeconds(20),
        };
        return GrpcChannel.ForAddress(
            $"http://{address}", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }
}
