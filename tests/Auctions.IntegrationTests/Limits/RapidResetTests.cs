using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Auctions.IntegrationTests.Hosting;
using Auctions.V1;

namespace Auctions.IntegrationTests.Limits;

/// <summary>One connection that opens calls and resets them at once, frame by frame.</summary>
public sealed class RapidResetTests
{
    private const int Flood = 20_000;

    /// <summary>The rate of a caller without a token, and the burst that comes on top.</summary>
    private const int RatePerS = 50, Burst = 2 * RatePerS;

    [Fact]
    public async Task Calls_that_are_reset_at_once_count_and_others_are_served_meanwhile()
    {
        await using var host = await ProbeHost.StartAsync($"--Limits:AnonymousCallsPerConnection={RatePerS}");
        var auction = $"{Guid.NewGuid()}";
        var began = TimeProvider.System.GetTimestamp();
        var flood = Task.Run(() => FloodAsync(IPEndPoint.Parse(new Uri(host.App.Urls.First()).Authority), auction));
        while (!flood.IsCompleted) await host.Client.GetBidOutcomeAsync(new GetBidOutcomeRequest());
        await Eventually.EndsAsync(flood);
        await host.Client.GetBidOutcomeAsync(new GetBidOutcomeRequest());

        // The last calls of the flood may still be on their way through the server.
        await Eventually.TrueAsync(() => ProbeService.Runs(auction) > 0);
        var seconds = TimeProvider.System.GetElapsedTime(began).TotalSeconds;
        Assert.InRange(ProbeService.Runs(auction), 1, Burst + RatePerS * (seconds + 1));
    }

    /// <summary>Ends when everything is sent, or when the server has had enough.</summary>
    private static async Task FloodAsync(IPEndPoint address, string auction)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address);
        using var output = new MemoryStream();
        output.Write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
        Frame(output, type: 4, flags: 0, stream: 0, []);
        var headers = Headers(address);
        var body = RawCalls.Framed(new GetBidOutcomeRequest { AuctionId = auction });
        try
        {
            for (var stream = 1; stream < 2 * Flood; stream += 2)
            {
                Frame(output, type: 1, flags: 0x4, stream, headers);
                Frame(output, type: 0, flags: 0x1, stream, body);
                Frame(output, type: 3, flags: 0, stream, [0, 0, 0, 8]); // CANCEL
                if (output.Length < 32 * 1024) continue;
                await socket.SendAsync(output.GetBuffer().AsMemory(0, (int)output.Length));
                output.SetLength(0);
                while (socket.Available > 0) await socket.ReceiveAsync(new byte[socket.Available]);
            }

            await socket.SendAsync(output.GetBuffer().AsMemory(0, (int)output.Length));
        }
        catch (SocketException)
        {
            // The server has closed the connection.
        }
    }

    private static void Frame(MemoryStream output, byte type, byte flags, int stream, byte[] content)
    {
        Span<byte> head = stackalloc byte[9];
        BinaryPrimitives.WriteInt32BigEndian(head, content.Length << 8);
        head[3] = type;
        head[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(head[5..], stream);
        output.Write(head);
        output.Write(content);
    }

    /// <summary>A header block of literals that no table holds (RFC 7541, 6.2.2).</summary>
    private static byte[] Headers(IPEndPoint address)
    {
        using var block = new MemoryStream();
        foreach (var (name, value) in new[]
        {
            (":method", "POST"), (":scheme", "http"), (":path", RawCalls.OpenRead), (":authority", $"{address}"),
            ("content-type", "application/grpc"), ("te", "trailers"),
        })
        {
            block.WriteByte(0);
            block.WriteByte((byte)name.Length);
            block.Write(Encoding.ASCII.GetBytes(name));
            block.WriteByte((byte)value.Length);
            block.Write(Encoding.ASCII.GetBytes(value));
        }

        return block.ToArray();
    }
}
