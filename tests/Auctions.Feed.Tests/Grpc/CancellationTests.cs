using System.Diagnostics;
using Grpc.Core;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>Cancellation and deadlines reach the other side, and the caller.</summary>
public class CancellationTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);

    private readonly TaskCompletionSource started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);

    [Fact]
    public async Task A_cancelled_unary_call_ends_on_both_sides()
    {
        await using var host = await StartParkedAsync();
        using var cancellation = new CancellationTokenSource();
        var call = host.Client.UnaryAsync(new EchoRequest(), cancellationToken: cancellation.Token);
        await started.Task.WaitAsync(Bound);
        await cancellation.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync)).StatusCode);
        await cancelled.Task.WaitAsync(Bound);
    }

    [Fact]
    public async Task A_call_that_is_disposed_of_is_cancelled_on_the_server()
    {
        await using var host = await StartParkedAsync();
        using (host.Client.Duplex())
        {
            await started.Task.WaitAsync(Bound);
        }

        await cancelled.Task.WaitAsync(Bound);
    }

    [Fact]
    public async Task A_cancelled_read_ends_the_call()
    {
        await using var host = await StartParkedAsync();
        using var cancellation = new CancellationTokenSource();
        using var call = host.Client.ServerStream(new EchoRequest { Count = 1 });
        await started.Task.WaitAsync(Bound);
        var reading = Task.Run(async () =>
        {
            await foreach (var reply in call.ResponseStream.ReadAllAsync(cancellation.Token))
            {
                Assert.Fail($"a reply: {reply}");
            }
        });
        await cancellation.CancelAsync();
        var ended = await Assert.ThrowsAsync<RpcException>(() => reading.WaitAsync(Bound));
        Assert.Equal(StatusCode.Cancelled, ended.StatusCode);
        await cancelled.Task.WaitAsync(Bound);
    }

    [Fact]
    public async Task A_write_with_a_cancelled_token_cancels_the_call()
    {
        await using var host = await StartParkedAsync();
        using var call = host.Client.ClientStream();
        await started.Task.WaitAsync(Bound);
        var writing = await Assert.ThrowsAnyAsync<Exception>(
            () => call.RequestStream.WriteAsync(new EchoRequest(), new CancellationToken(canceled: true)));
        Assert.True(
            writing is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled }, writing.ToString());
        await cancelled.Task.WaitAsync(Bound);
    }

    [Fact]
    public async Task A_deadline_that_passes_ends_the_call_on_both_sides()
    {
        await using var host = await StartParkedAsync();
        // On a busy machine a short deadline may pass before the call is on its way: then a longer one.
        for (var wait = TimeSpan.FromMilliseconds(200); !started.Task.IsCompleted; wait *= 2)
        {
            Assert.True(wait < Bound, "The call never reached the server.");
            var call = host.Client.UnaryAsync(new EchoRequest(), deadline: TimeProvider.System.GetUtcNow().UtcDateTime + wait);
            var ended = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WaitAsync(Bound));
            Assert.Equal(StatusCode.DeadlineExceeded, ended.StatusCode);
        }

        await cancelled.Task.WaitAsync(Bound);
    }

    [Fact]
    public async Task The_server_sees_the_deadline_and_none_where_none_is_set()
    {
        await using var host = await EchoHost.StartAsync();
        var seen = new List<DateTime>();
        host.Behaviour.BeforeAnswer = context =>
        {
            seen.Add(context.Deadline);
            return Task.CompletedTask;
        };
        var deadline = TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(10);
        await host.Client.UnaryAsync(new EchoRequest(), deadline: deadline);
        await host.Client.UnaryAsync(new EchoRequest());
        Assert.Equal(deadline, seen[0], Bound);
        Assert.Equal(DateTimeKind.Utc, seen[0].Kind);
        Assert.Equal(DateTime.MaxValue, seen[1]);
    }

    [Fact]
    public async Task A_writer_without_cancellation_says_so()
    {
        IAsyncStreamWriter<string> writer = new PlainWriter();
        await writer.WriteAsync("a", CancellationToken.None);
        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAsync<NotSupportedException>(async () => await writer.WriteAsync("b", cancellation.Token));
        Assert.Equal(["a"], ((PlainWriter)writer).Written);
    }

    private async Task<EchoHost> StartParkedAsync()
    {
        var host = await EchoHost.StartAsync();
        host.Behaviour.BeforeAnswer = async context =>
        {
            started.TrySetResult();
            var never = new TaskCompletionSource();
            using var registration = context.CancellationToken.Register(() => never.TrySetCanceled());
            try
            {
                await never.Task;
                throw new UnreachableException();
            }
            catch (OperationCanceledException)
            {
                cancelled.TrySetResult();
                throw;
            }
        };
        return host;
    }

    private sealed class PlainWriter : IAsyncStreamWriter<string>
    {
        public List<string> Written { get; } = [];

        public WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(string message)
        {
            Written.Add(message);
            return Task.CompletedTask;
        }
    }
}
