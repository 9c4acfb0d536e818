using StackExchange.Redis;

namespace Auctions.Feed.Tests.Redis;

/// <summary>The genuine client over the stand-ins, against a real server.</summary>
public class RedisClientTests
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Many_callers_get_their_own_answers_in_their_order(bool tls)
    {
        const int callers = 64, calls = 300;
        using var server = new RedisProcess(tls);
        await using var client = await ConnectAsync(server, tls);
        var db = client.GetDatabase();

        await Task.WhenAll(Enumerable.Range(0, callers).Select(async caller =>
        {
            for (var call = 1; call <= calls; call++) Assert.Equal(call, await db.StringIncrementAsync($"counter {caller}"));
        })).WaitAsync(Bound);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pipelined_commands_are_all_answered(bool tls)
    {
        using var server = new RedisProcess(tls);
        await using var client = await ConnectAsync(server, tls);
        var db = client.GetDatabase();

        var answers = await Task.WhenAll(Enumerable.Range(1, 50_000).Select(_ => db.StringIncrementAsync("counter"))).WaitAsync(Bound);
        Assert.Equal(Enumerable.Range(1, 50_000).Select(i => (long)i), answers);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Large_values_and_large_replies_arrive_whole(bool tls)
    {
        using var server = new RedisProcess(tls);
        await using var client = await ConnectAsync(server, tls);
        var db = client.GetDatabase();

        var value = new byte[16 << 20];
        new Random(1).NextBytes(value);
        await db.StringSetAsync("large", value);
        var back = (byte[]?)await db.StringGetAsync("large").WaitAsync(Bound);
        Assert.True(value.AsSpan().SequenceEqual(back));

        RedisValue[] items = [.. Enumerable.Range(0, 50_000).Select(i => (RedisValue)$"item {i}")];
        await db.ListRightPushAsync("list", items);
        Assert.Equal(items, await db.ListRangeAsync("list").WaitAsync(Bound));
    }

    [Fact]
    public async Task Every_shape_of_reply_is_understood()
    {
        using var server = new RedisProcess();
        await using var client = await ConnectAsync(server, tls: false);
        var db = client.GetDatabase();

        var nested = (RedisResult[])(await db.ScriptEvaluateAsync("return {1, {'a', {redis.status_reply('OK'), false}}, {}}"))!;
        Assert.Equal("OK", (string?)((RedisResult[])((RedisResult[])nested[1]!)[1]!)[0]);
        Assert.True(((RedisResult[])((RedisResult[])nested[1]!)[1]!)[1].IsNull);
        Assert.Equal(0, nested[2].Length);

        await db.HashSetAsync("hash", [.. Enumerable.Range(0, 1000).Select(i => new HashEntry($"field {i}", i))]);
        Assert.Equal(1000, (await db.HashGetAllAsync("hash")).Sum(e => e.Value == (RedisValue)int.Parse(((string)e.Name!)[6..]) ? 1 : 0));
        await db.SortedSetAddAsync("sorted", [new SortedSetEntry("a", 1.5), new SortedSetEntry("b", 2)]);
        Assert.Equal([1.5, 2], (await db.SortedSetRangeByRankWithScoresAsync("sorted")).Select(e => e.Score));
        await db.StreamAddAsync("stream", "name", "value");
        Assert.Equal("value", (await db.StreamRangeAsync("stream")).Single()["name"]);
        await Assert.ThrowsAsync<RedisServerException>(() => db.ScriptEvaluateAsync("return redis.error_reply('no')"));
    }

    [Fact]
    public async Task Messages_of_a_channel_reach_every_handler()
    {
        using var server = new RedisProcess();
        await using var client = await ConnectAsync(server, tls: false);
        var subscriber = client.GetSubscriber();
        var channel = RedisChannel.Literal("news");
        using var left = new CountdownEvent(200);
        await subscriber.SubscribeAsync(channel, (_, _) => left.Signal());
        await subscriber.SubscribeAsync(channel, (_, _) => left.Signal());

        for (var i = 0; i < 100; i++) await subscriber.PublishAsync(channel, i);
        Assert.True(await Task.Run(() => left.Wait(Bound)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_that_is_killed_fails_what_was_under_way_and_is_found_again(bool tls)
    {
        using var server = new RedisProcess(tls);
        await using var client = await ConnectAsync(server, tls);
        var db = client.GetDatabase();
        await db.StringSetAsync("key", "value");

        var underWay = Enumerable.Range(0, 2000).Select(i => db.StringSetAsync($"key {i}", i)).ToList();
        server.Kill();
        var outcomes = await Task.WhenAll(underWay.Select(async call =>
        {
            try
            {
                return await call.WaitAsync(Bound);
            }
            catch (RedisException)
            {
                return false;
            }
        }));
        Assert.Equal(underWay.Count, outcomes.Length);
        await Assert.ThrowsAnyAsync<RedisException>(() => db.PingAsync());

        server.Start();
        await UntilAnswersAsync(db);
        Assert.False(await db.KeyExistsAsync("key"));
    }

    private static async Task<ConnectionMultiplexer> ConnectAsync(RedisProcess server, bool tls)
    {
        var options = new ConfigurationOptions
        {
            EndPoints = { { "127.0.0.1", server.Port } },
            AbortOnConnectFail = false,
            Ssl = tls,
            SslHost = "localhost",
            AsyncTimeout = (int)Bound.TotalMilliseconds,
            ConnectTimeout = 2000,
            ReconnectRetryPolicy = new LinearRetry(100),
        };
        options.CertificateValidation += (_, certificate, _, _) => certificate?.Subject == "CN=localhost";
        var client = await ConnectionMultiplexer.ConnectAsync(options);
        await UntilAnswersAsync(client.GetDatabase());
        return client;
    }

    private static async Task UntilAnswersAsync(IDatabase db)
    {
        using var bound = new CancellationTokenSource(Bound, TimeProvider.System);
        while (true)
        {
            try
            {
                await db.PingAsync();
                return;
            }
            catch (RedisException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, bound.Token);
            }
        }
    }
}
