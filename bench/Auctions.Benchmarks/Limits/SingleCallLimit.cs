using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Auctions.Benchmarks.Machine;
using Auctions.Core;
using Auctions.HotState;
using DevStack.Supervision;

namespace Auctions.Benchmarks.Limits;

/// <summary>
/// One bid a call, from redis-benchmark. Its command line is what the service's own client sends, overheard with MONITOR, with
/// redis-benchmark's random number in the place of the ids' last digits and of the amount: it follows the script, whatever that asks for.
/// </summary>
internal sealed partial class SingleCallLimit(BenchStack stack, DecideLimit decider)
{
    private const int Clients = 64;
    private const string Random = "__rand_int__"; // of 12 digits

    private const string KeyMark = "222222222222", IdMark = "333333333333", AmountMark = "111111111111";

    public async Task<Measured> RunAsync(int calls, CancellationToken cancellationToken)
    {
        var auctionId = await decider.OpenAsync(cancellationToken);
        var command = await OverhearAsync(auctionId, cancellationToken);
        var address = IPEndPoint.Parse(stack.RedisAddress);
        string[] line = ["redis-benchmark", "-h", $"{address.Address}", "-p", $"{address.Port}", "-c", $"{Clients}", "-n", $"{calls}", "-r", "1000000000",
            "--csv", .. command.Select(w => w.Replace(KeyMark, Random, StringComparison.Ordinal)
                .Replace(IdMark, Random, StringComparison.Ordinal).Replace(AmountMark, Random, StringComparison.Ordinal))];
        var cpu = stack.CpuSeconds([BenchStack.Redis])[BenchStack.Redis];
        var output = await SystemCommand.RunAsync(line, "", cancellationToken);
        cpu = stack.CpuSeconds([BenchStack.Redis])[BenchStack.Redis] - cpu;

        // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
        var fields = output.TrimEnd().Split('\n')[^1].Split("\",\"");
        return new Measured("redis-benchmark EVALSHA place_bids", 1, Clients, double.Parse(fields[^7], CultureInfo.InvariantCulture), cpu * 1e6 / calls, 0);
    }

    /// <summary>The words of the command that decides one bid.</summary>
    private async Task<string[]> OverhearAsync(Guid auctionId, CancellationToken cancellationToken)
    {
        await DecideAsync("444444444444"); // by now Redis has the script, and the client the terms
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(stack.RedisAddress), cancellationToken);
        await client.GetStream().WriteAsync("MONITOR\r\n"u8.ToArray(), cancellationToken);
        using var lines = new StreamReader(client.GetStream(), Encoding.Latin1);
        await lines.ReadLineAsync(cancellationToken); // +OK
        await DecideAsync(KeyMark);
        while (await lines.ReadLineAsync(cancellationToken) is { } line)
        {
            if (line.Contains(KeyMark, StringComparison.Ordinal) && line.Contains("\"evalsha\"", StringComparison.OrdinalIgnoreCase))
                return [.. Quoted().Matches(line).Select(m => Regex.Unescape(m.Groups[1].Value))];
        }

        throw new InvalidOperationException("Redis closed MONITOR before it showed the call.");

        async Task DecideAsync(string key)
        {
            var bid = new Bid("bidder", Guid.Parse($"00000000-0000-4000-8000-{key}"), BidKind.Direct, "USD", long.Parse(AmountMark), 0);
            var proposed = await decider.HotState.DecideAsync(
                auctionId, [new UndecidedBid(Guid.Parse($"00000000-0000-4000-8000-{IdMark}"), bid, Guid.Empty, Limited: false)], cancellationToken);
            if (proposed is null) throw new InvalidOperationException("Redis does not hold the auction.");
        }
    }

    [GeneratedRegex("""
        "((?:[^"\\]|\\.)*)"
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Quoted();
}
