using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Auctions.Benchmarks.Machine;
using Auctions.Core;
using Auctions.HotState;
using DevStack.Supervision;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Auctions.Benchmarks.Limits;

/// <summary>
/// Redis alone: combined calls on one auction, through the service's own <see cref="RedisHotState"/>.
/// </summary>
internal sealed class DecideLimit(BenchStack stack, IConnectionMultiplexer redis, TimeProvider timeProvider)
{
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    public RedisHotState HotState { get; } = new(redis, new HotStateOptions(), NullLogger<RedisHotState>.Instance);

    /// <summary>Opens an auction in Redis only.</summary>
    public async Task<Guid> OpenAsync(CancellationToken cancellationToken)
    {
        var now = timeProvider.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        var nowUs = now.ToMicroseconds();
        var state = AuctionState.Opened(AuctionStatus.Active, nowUs + 3_600_000_000);
        var head = new Head(0, Guid.CreateVersion7(now), BidSequence.Terms(nowUs - 1), state, DecidedUs: 0);
        await HotState.HydrateAsync(id, null, head, [], cancellationToken);
        return id;
    }

    /// <param name="inFlight">Concurrent calls: two keep Redis busy while a reply is read.</param>
    /// <param name="removePending">Whether accepted bids are removed from the pending ones, as after a commit.</param>
    /// <param name="random">Whether to send redis-benchmark's bids instead of realistic ones.</param>
    public async Task<PartResult> RunAsync(
        string what, int batch, int inFlight, bool removePending, bool random, double seconds,
        CancellationToken cancellationToken)
    {
        var auctionId = await OpenAsync(cancellationToken);
        long decided = 0;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var sequence = new BidSequence(batch);
        var gate = new Lock();
        var callers = Enumerable.Range(0, inFlight).Select(_ => Task.Run(CallAsync, CancellationToken.None)).ToArray();

        await Task.Delay(WarmUp, timeProvider, cancellationToken);
        var (from, began) = (Interlocked.Read(ref decided), timeProvider.GetTimestamp());
        var (server, self) = (ServerCpu(), ProcessCpu.OfSelf());
        await Task.Delay(TimeSpan.FromSeconds(seconds), timeProvider, cancellationToken);
        var count = Interlocked.Read(ref decided) - from;
        var elapsedS = timeProvider.GetElapsedTime(began).TotalSeconds;
        (server, self) = (ServerCpu() - server, ProcessCpu.OfSelf() - self);
        await stop.CancelAsync();
        await Task.WhenAll(callers);
        await redis.GetDatabase().KeyDeleteAsync([new HotKeys(auctionId).Pending, new HotKeys(auctionId).Auction]);
        return new PartResult(what, batch, inFlight, count / elapsedS, server * 1e6 / count, self * 1e6 / count);

        async Task CallAsync()
        {
            var proposals = new UndecidedBid[batch];
            while (!stop.IsCancellationRequested)
            {
                lock (gate)
                {
                    for (var i = 0; i < batch; i++)
                    {
                        var id = sequence.NewId();
                        var bid = random ? sequence.NextRandom() : sequence.Next();
                        proposals[i] = new UndecidedBid(id, bid, Guid.Empty, Limited: false);
                    }
                }

                var proposed = await HotState.DecideAsync(auctionId, proposals, CancellationToken.None)
                    ?? throw new InvalidOperationException("Redis does not hold the auction.");
                Interlocked.Add(ref decided, proposed.Bids.Count);
                if (!removePending) continue;
                long[] accepted = [.. proposed.Bids.Where(b => b.Accepted).Select(b => b.Version)];
                await HotState.RemovePendingAsync(auctionId, accepted, CancellationToken.None);
            }
        }

        double ServerCpu() => stack.CpuSeconds([BenchStack.Redis])[BenchStack.Redis];
    }
}

/// <summary>
/// One bid per call, from redis-benchmark. Its command line is the command that the service's own client sends, read
/// with MONITOR, with redis-benchmark's random number in place of the ids' last digits and of the amount. So it always
/// matches the script's arguments.
/// </summary>
internal sealed partial class SingleCallLimit(BenchStack stack, DecideLimit decider)
{
    private const int Clients = 64;

    /// <summary>redis-benchmark replaces this with a random number of 12 digits.</summary>
    private const string Random = "__rand_int__";

    private const string KeyMark = "222222222222", IdMark = "333333333333", AmountMark = "111111111111";

    public Task<PartResult> RunAsync(int calls, CancellationToken cancellationToken) =>
        stack.WithoutRedisPasswordAsync(() => MeasureAsync(calls, cancellationToken));

    private async Task<PartResult> MeasureAsync(int calls, CancellationToken cancellationToken)
    {
        var auctionId = await decider.OpenAsync(cancellationToken);
        var command = await CaptureCommandAsync(auctionId, cancellationToken);
        var address = IPEndPoint.Parse(stack.RedisAddress);
        string[] line =
        [
            "redis-benchmark", "-h", $"{address.Address}", "-p", $"{address.Port}", "-c", $"{Clients}",
            "-n", $"{calls}", "-r", "1000000000", "--csv",
            .. command.Select(word => word.Replace(KeyMark, Random, StringComparison.Ordinal)
                .Replace(IdMark, Random, StringComparison.Ordinal)
                .Replace(AmountMark, Random, StringComparison.Ordinal)),
        ];
        var cpu = ServerCpu();
        var output = await SystemCommand.RunAsync(line, "", cancellationToken);
        cpu = ServerCpu() - cpu;

        // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms",
        // "max_latency_ms"
        var fields = output.TrimEnd().Split('\n')[^1].Split("\",\"");
        var perS = double.Parse(fields[^7], CultureInfo.InvariantCulture);
        return new PartResult("redis-benchmark EVALSHA place_bids", 1, Clients, perS, cpu * 1e6 / calls, 0);

        double ServerCpu() => stack.CpuSeconds([BenchStack.Redis])[BenchStack.Redis];
    }

    /// <summary>The words of the command that decides one bid.</summary>
    private async Task<string[]> CaptureCommandAsync(Guid auctionId, CancellationToken cancellationToken)
    {
        await DecideAsync("444444444444"); // from now on Redis has the script and the client the terms
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(stack.RedisAddress), cancellationToken);
        await client.GetStream().WriteAsync("MONITOR\r\n"u8.ToArray(), cancellationToken);
        using var lines = new StreamReader(client.GetStream(), Encoding.Latin1);
        await lines.ReadLineAsync(cancellationToken); // +OK
        await DecideAsync(KeyMark);
        while (await lines.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.Contains(KeyMark, StringComparison.Ordinal)
                && line.Contains("\"evalsha\"", StringComparison.OrdinalIgnoreCase))
                return [.. Quoted().Matches(line).Select(m => Regex.Unescape(m.Groups[1].Value))];
        }

        throw new InvalidOperationException("Redis closed MONITOR before it showed the call.");

        async Task DecideAsync(string key)
        {
            var keyId = Guid.Parse($"00000000-0000-4000-8000-{key}");
            var bid = new Bid("bidder", keyId, BidKind.Direct, "USD", long.Parse(AmountMark), 0);
            var id = Guid.Parse($"00000000-0000-4000-8000-{IdMark}");
            var proposal = new UndecidedBid(id, bid, Guid.Empty, Limited: false);
            var proposed = await decider.HotState.DecideAsync(auctionId, [proposal], cancellationToken);
            if (proposed is null) throw new InvalidOperationException("Redis does not hold the auction.");
        }
    }

    [GeneratedRegex("""
        "((?:[^"\\]|\\.)*)"
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Quoted();
}
