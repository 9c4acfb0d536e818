using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Pipelines.Sockets.Unofficial;

namespace Auctions.Feed.Tests.Redis;

public class SocketConnectionTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(SocketConnectionOptions.None)]
    [InlineData(SocketConnectionOptions.ZeroLengthReads)]
    public async Task Many_bytes_arrive_as_they_were_sent_both_ways_at_a_time(SocketConnectionOptions options)
    {
        const int length = 20_000_000;
        var (connection, peer) = await ConnectAsync(options: options);
        using var _ = connection;
        await using var stream = new NetworkStream(peer, ownsSocket: true);
        var sent = new byte[length];
        new Random(1).NextBytes(sent);

        var echo = Task.Run(async () =>
        {
            var buffer = new byte[50_000];
            for (int bytes, total = 0; total < length; total += bytes)
            {
                bytes = await stream.ReadAsync(buffer);
                await stream.WriteAsync(buffer.AsMemory(0, bytes));
            }
        });
        var writing = Task.Run(async () =>
        {
            // Odd pieces, so that a send has several segments.
            for (var at = 0; at < length; at += 70_001)
            {
                await connection.Output.WriteAsync(sent.AsMemory(at, Math.Min(70_001, length - at)));
            }
        });
        var received = await ReadAsync(connection.Input, length);
        await Task.WhenAll(echo, writing).WaitAsync(Bound);

        Assert.True(sent.AsSpan().SequenceEqual(received));
        Assert.Equal(length, connection.BytesSent);
        Assert.Equal(length, connection.BytesRead);
        Assert.Equal(PipeShutdownKind.None, connection.ShutdownKind);
        var counters = connection.GetCounters();
        Assert.Equal((0, 0, 0), (counters.BytesAvailableOnSocket, counters.BytesWaitingToBeRead, counters.BytesWaitingToBeSent));
    }

    [Fact]
    public async Task A_reader_that_does_not_read_stops_the_receiving()
    {
        var receive = new PipeOptions(pauseWriterThreshold: 100_000, resumeWriterThreshold: 50_000);
        var (connection, peer) = await ConnectAsync(receive: receive);
        using var _ = connection;
        using var __ = peer;
        var writing = Task.Run(async () =>
        {
            var block = new byte[100_000];
            for (var i = 0; i < 300; i++) await peer.SendAsync(block);
        });

        await UntilAsync(() => connection.GetCounters() is { BytesWaitingToBeRead: >= 100_000, BytesAvailableOnSocket: > 0 });
        Assert.True(connection.GetCounters().BytesWaitingToBeRead < 1_000_000);
        Assert.False(writing.IsCompleted);

        await ReadAsync(connection.Input, 30_000_000);
        await writing.WaitAsync(Bound);
    }

    [Fact]
    public async Task A_peer_that_does_not_read_makes_the_flush_wait()
    {
        var (connection, peer) = await ConnectAsync(send: new PipeOptions(pauseWriterThreshold: 100_000, resumeWriterThreshold: 50_000));
        using var _ = connection;
        await using var stream = new NetworkStream(peer, ownsSocket: true);
        // Much more than the system's own buffers hold.
        var block = new byte[64_000_000];
        var waiting = connection.Output.WriteAsync(block).AsTask();
        await UntilAsync(() => connection.BytesSent > 100_000);
        Assert.False(waiting.IsCompleted);
        Assert.True(connection.GetCounters().BytesWaitingToBeSent > 0);
        await stream.ReadExactlyAsync(new byte[block.Length]);
        Assert.False((await waiting.WaitAsync(Bound)).IsCompleted);
    }

    [Fact]
    public async Task A_peer_that_closes_ends_the_input_after_all_that_it_sent()
    {
        var (connection, peer) = await ConnectAsync();
        using var _ = connection;
        await peer.SendAsync("bye"u8.ToArray());
        peer.Dispose();

        var read = await connection.Input.ReadAtLeastAsync(4).AsTask().WaitAsync(Bound);
        Assert.True(read.IsCompleted);
        Assert.Equal(3, read.Buffer.Length);
        Assert.Equal(PipeShutdownKind.ReadEndOfStream, connection.ShutdownKind);
    }

    [Fact]
    public async Task A_reset_is_an_error_of_the_input()
    {
        var (connection, peer) = await ConnectAsync();
        using var _ = connection;
        peer.LingerState = new LingerOption(true, 0);
        peer.Dispose();

        await Assert.ThrowsAsync<ConnectionResetException>(async () => await connection.Input.ReadAsync().AsTask().WaitAsync(Bound));
        Assert.Equal(PipeShutdownKind.ReadSocketError, connection.ShutdownKind);
        Assert.Equal(SocketError.ConnectionReset, connection.SocketError);
    }

    [Fact]
    public async Task Disposing_ends_both_sides()
    {
        var (connection, peer) = await ConnectAsync();
        using var _ = peer;
        var reading = connection.Input.ReadAsync().AsTask();
        connection.Dispose();
        connection.Dispose();

        await Assert.ThrowsAnyAsync<Exception>(() => reading.WaitAsync(Bound));
        Assert.Equal(PipeShutdownKind.PipeDisposed, connection.ShutdownKind);
        Assert.Equal(0, await peer.ReceiveAsync(new byte[1]).WaitAsync(Bound));
        await UntilAsync(async () => (await connection.Output.WriteAsync(new byte[1])).IsCompleted);
    }

    [Fact]
    public async Task Completing_the_output_sends_what_is_left_and_then_tells_the_peer()
    {
        var (connection, peer) = await ConnectAsync();
        using var _ = connection;
        await using var stream = new NetworkStream(peer, ownsSocket: true);
        await connection.Output.WriteAsync("last"u8.ToArray());
        await connection.Output.CompleteAsync();

        using var all = new MemoryStream();
        await stream.CopyToAsync(all).WaitAsync(Bound);
        Assert.Equal("last"u8.ToArray(), all.ToArray());
        Assert.Equal(PipeShutdownKind.OutputWriterCompleted, connection.ShutdownKind);
    }

    [Fact]
    public async Task The_first_reason_stands_and_only_the_protocols_can_be_given()
    {
        var (connection, peer) = await ConnectAsync();
        using var _ = connection;
        Assert.False(connection.TrySetProtocolShutdown(PipeShutdownKind.ReadEndOfStream));
        Assert.True(connection.TrySetProtocolShutdown(PipeShutdownKind.ProtocolExitClient));
        Assert.False(connection.TrySetProtocolShutdown(PipeShutdownKind.ProtocolExitServer));
        peer.Dispose();
        await connection.Input.ReadAsync().AsTask().WaitAsync(Bound);
        Assert.Equal(PipeShutdownKind.ProtocolExitClient, connection.ShutdownKind);
    }

    [Fact]
    public async Task An_aborted_wait_throws_and_what_comes_later_is_ignored()
    {
        using var waiting = new SocketAwaitableEventArgs(PipeScheduler.ThreadPool);
        var result = Task.Run(async () => await waiting);
        waiting.Abort(SocketError.TimedOut);
        Assert.Equal(SocketError.TimedOut, (await Assert.ThrowsAsync<SocketException>(() => result.WaitAsync(Bound))).SocketErrorCode);
        waiting.Complete();
        Assert.Equal(SocketError.TimedOut, Assert.Throws<SocketException>(() => waiting.GetResult()).SocketErrorCode);
    }

    private static async Task<(SocketConnection Connection, Socket Peer)> ConnectAsync(
        PipeOptions? send = null, PipeOptions? receive = null, SocketConnectionOptions options = SocketConnectionOptions.None)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        SocketConnection.SetRecommendedClientOptions(client);
        // As the client does: the arguments are awaited.
        using var connecting = new SocketAwaitableEventArgs { RemoteEndPoint = listener.LocalEndpoint };
        if (!client.ConnectAsync(connecting)) connecting.Complete();
        var peer = await listener.AcceptSocketAsync();
        await connecting;
        return (SocketConnection.Create(client, send, receive, options, "test"), peer);
    }

    private static async Task<byte[]> ReadAsync(PipeReader reader, int length)
    {
        var bytes = new byte[length];
        for (var at = 0; at < length;)
        {
            var read = await reader.ReadAsync().AsTask().WaitAsync(Bound);
            Assert.False(read.IsCompleted);
            read.Buffer.CopyTo(bytes.AsSpan(at));
            at += (int)read.Buffer.Length;
            reader.AdvanceTo(read.Buffer.End);
        }

        return bytes;
    }

    private static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var bound = new CancellationTokenSource(Bound, TimeProvider.System);
        while (!await condition()) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, bound.Token);
    }
}
