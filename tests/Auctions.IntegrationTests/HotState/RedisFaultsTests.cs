using Auctions.HotState;
using Auctions.IntegrationTests.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.HotState;

/// <summary>Which errors are about an auction's key, and which are about the server.</summary>
public sealed class RedisFaultsTests(RedisServer server) : HotStateTest(server)
{
    [Theory]
    [InlineData("LOADING Redis is loading the dataset in memory")]
    [InlineData("READONLY You can't write against a read only replica. script: f0, on @user_script:8.")]
    [InlineData("OOM command not allowed when used memory > 'maxmemory'. script: f0, on @user_script:8.")]
    [InlineData("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.")]
    [InlineData("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.")]
    [InlineData("NOAUTH Authentication required.")]
    [InlineData("WRONGPASS invalid username-password pair or user is disabled.")]
    [InlineData("NOPERM User eve has no permissions to access one of the keys used as arguments")]
    [InlineData("CLUSTERDOWN The cluster is down")]
    [InlineData("CLUSTERDOWN Hash slot not served")]
    [InlineData("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.")]
    [InlineData("NOREPLICAS Not enough good replicas to write.")]
    [InlineData("MOVED 3999 127.0.0.1:6381")]
    [InlineData("ASK 3999 127.0.0.1:6381")]
    [InlineData("TRYAGAIN Multiple keys request during rehashing of slot")]
    [InlineData("CROSSSLOT Keys in request don't hash to the same slot")]
    [InlineData("NOSCRIPT No matching script. Please use EVAL.")]
    [InlineData("UNKILLABLE Sorry the script already executed write commands against the dataset.")]
    [InlineData("ERR max number of clients reached")]
    [InlineData("ERR unknown command 'EVALSHA', with args beginning with: 'f0'")]
    [InlineData("ERR Error running script: Script killed by user with SCRIPT KILL.")]
    [InlineData("Endpoint 127.0.0.1:6381 serving hashslot 3999 is not reachable at this point of time.")]
    [InlineData("SOMETHINGNEW of a later version")]
    [InlineData("")]
    public void An_error_of_the_server_is_silence(string message)
    {
        Assert.Equal(RedisFault.Silence, RedisFaults.OfError(message));
        Assert.Equal(RedisFault.Silence, RedisFaults.Of(ServerError(message)));
        Assert.Equal(
            RedisFault.Silence, RedisFaults.Of(new AggregateException(ServerError(message))));
    }

    [Theory]
    [InlineData("WRONGTYPE Operation against a key holding the wrong kind of value")]
    [InlineData("WRONGTYPE Operation against a key holding the wrong kind of value script: f0, on @user_script:8.")]
    [InlineData("ERR hash value is not an integer")]
    [InlineData("ERR value is not an integer or out of range")]
    [InlineData("ERR user_script:8: attempt to index local 'x' (a nil value) script: f0, on @user_script:8.")]
    public void An_error_about_a_key_is_damage(string message) =>
        Assert.Equal(RedisFault.Damage, RedisFaults.Of(ServerError(message)));

    [Fact]
    public void An_exception_of_the_client_is_silence_and_one_of_the_caller_is_neither()
    {
        Exception[] silence =
        [
            new RedisConnectionException(ConnectionFailureType.SocketFailure, CommandFlags.None, "gone"),
            new RedisTimeoutException(CommandFlags.None, "late", CommandStatus.Sent), new TimeoutException(),
            new ObjectDisposedException("client"), new IOException(),
            new AggregateException(new AggregateException(new IOException())),
        ];
        Assert.All(silence, fault => Assert.Equal(RedisFault.Silence, RedisFaults.Of(fault)));
        Assert.Equal(RedisFault.Damage, RedisFaults.Of(new FormatException()));
        Assert.Equal(RedisFault.None, RedisFaults.Of(new OperationCanceledException()));
        Assert.Equal(RedisFault.None, RedisFaults.Of(new ArgumentException("a defect")));
    }

    [Theory]
    [MemberData(nameof(DamagedKeysTests.Matrix), MemberType = typeof(DamagedKeysTests))]
    public async Task What_Redis_says_of_a_damaged_key_is_damage(string name, string type)
    {
        var key = DamagedKey.Of(AuctionId, name, "ann");
        await DamagedKey.WriteAsync(Redis, key, type);
        foreach (var command in (string[][])[["HGET", "f"], ["GET"], ["SADD", "m"], ["LPUSH", "x"], ["INCR"]])
        {
            try
            {
                await Redis.ExecuteAsync(
                    "EVAL", ["return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))", 1, key, .. command]);
            }
            catch (RedisServerException e)
            {
                Assert.Equal(RedisFault.Damage, RedisFaults.Of(e));
            }
        }
    }

    /// <summary>The whole set of keys stays as it is while the server refuses to write.</summary>
    [Theory]
    [InlineData("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "OOM")]
    [InlineData("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "")] // the client knows a replica, or Redis says READONLY
    [InlineData("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0", "NOREPLICAS")]
    public async Task An_error_of_a_real_server_is_silence_and_drops_no_key(string begin, string end, string word)
    {
        await using var own = new OwnRedis();
        await own.StartAsync();
        var (redis, hotState) = (own.Connection.GetDatabase(), own.HotState);
        Assert.True(await hotState.HydrateAsync(AuctionId, null, await OpenHeadAsync(), [], None));
        Assert.NotNull(await hotState.DecideAsync(AuctionId, [Proxy("ann", 50_00)], None));
        await own.RunAsync(begin);

        var fault = await Assert.ThrowsAsync<HotStateUnavailableException>(
            () => hotState.DecideAsync(AuctionId, [Proxy("bob", 60_00)], None));
        Assert.Contains(word, fault.Message, StringComparison.Ordinal);
        Assert.IsNotType<AuctionDamagedException>(fault.InnerException);

        await own.RunAsync(end);
        Assert.Equal(3, await redis.KeyExistsAsync([Keys.Auction, Keys.Pending, Keys.PendingIndex]));
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                return await hotState.DecideAsync(AuctionId, [Proxy("bob", 60_00)], None) is not null;
            }
            catch (HotStateUnavailableException)
            {
                return false;
            }
        });
    }

    private static RedisServerException ServerError(string message) =>
        new(RedisErrorKind.Unknown, CommandFlags.None, message);

    /// <summary>A Redis that only this test uses.</summary>
    private sealed class OwnRedis : IAsyncDisposable
    {
        private readonly RedisServer _server = new();

        public IConnectionMultiplexer Connection { get; private set; } = null!;

        public RedisHotState HotState { get; private set; } = null!;

        public async Task StartAsync()
        {
            await _server.InitializeAsync();
            Connection = await RedisConnection.ConnectAsync(_server.PatientConfiguration);
            HotState = new RedisHotState(
                Connection, RedisServer.PatientOptions,
                NullLogger<RedisHotState>.Instance);
        }

        public async Task RunAsync(string command)
        {
            var words = command.Split(' ');
            await Connection.GetServers()[0].ExecuteAsync(words[0], [.. words[1..]]);
        }

        public async ValueTask DisposeAsync()
        {
            await Connection.DisposeAsync();
            await _server.DisposeAsync();
        }
    }
}
