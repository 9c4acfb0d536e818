using System.Net;
using System.Security.Cryptography;
using Auctions.Core;
using Auctions.Grpc;
using Auctions.HotState;
using Auctions.IntegrationTests.Ledger;
using DevStack.Kafka;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Auctions.IntegrationTests.Servers;

/// <summary>
/// What a test runs against: a migrated database, Redis and Kafka if it asks for them, and services in this process.
/// The servers that a test passes keep running. Everything else ends with the stack.
/// </summary>
internal sealed class TestStack : IAsyncDisposable
{
    private readonly List<TestService> _services = [];
    private readonly List<string> _settings = [];
    private TestServers? _ownServers;

    /// <summary>The key of HS256 that every service has.</summary>
    public static byte[] Key { get; } = RandomNumberGenerator.GetBytes(32);

    public static TokenIssuer Tokens { get; } = new(Key, TimeProvider.System);

    public static long NowUs => TimeProvider.System.GetUtcNow().ToMicroseconds();

    public PostgresServer Postgres { get; private set; } = null!;

    public RedisServer Redis { get; private set; } = null!;

    public LedgerDatabase Database { get; private set; } = null!;

    /// <summary>The test's own connection to Redis. It may run an administrator's commands.</summary>
    public IConnectionMultiplexer RedisClient { get; private set; } = null!;

    public KafkaHost Kafka { get; private set; } = null!;

    /// <summary>The services that run, in the order of their start.</summary>
    public IReadOnlyList<TestService> Services => _services;

    public static async Task<TestStack> StartAsync(
        PostgresServer? postgres = null, RedisServer? redis = null, bool kafka = false)
    {
        var stack = new TestStack();
        if (postgres is not null)
        {
            stack.Postgres = postgres;
            stack.Database = new LedgerDatabase(postgres);
            await stack.Database.InitializeAsync();
            stack._settings.Add($"--Postgres:ConnectionString={stack.Database.ConnectionString}");
        }

        if (redis is not null)
        {
            stack.Redis = redis;
            stack.RedisClient = await RedisConnection.ConnectAsync($"{redis.PatientConfiguration},allowAdmin=true");
            stack._settings.AddRange(redis.PatientSettings);
        }

        if (kafka)
        {
            stack.Kafka = new KafkaHost(new IPEndPoint(IPAddress.Loopback, 0), partitions: 2);
            stack._settings.Add($"--Kafka:BootstrapServers={stack.Kafka.Address}");
        }

        return stack;
    }

    /// <summary>A stack with its own Postgres and Redis, which the test may kill.</summary>
    public static async Task<TestStack> StartWithServersAsync(bool kafka = false)
    {
        var servers = new TestServers();
        await servers.InitializeAsync();
        var stack = await StartAsync(servers.Postgres, servers.Redis, kafka);
        stack._ownServers = servers;
        return stack;
    }

    /// <param name="build">The <c>Composition.Build</c> of a service.</param>
    /// <param name="settings">More settings: <c>--Section:Key=value</c>. They override those of the stack.</param>
    public async Task<TestService> StartServiceAsync(Func<string[], WebApplication> build, params string[] settings)
    {
        var service = await TestService.StartAsync(build, [.. _settings, .. settings]);
        _services.Add(service);
        return service;
    }

    public async Task StopServiceAsync(TestService service)
    {
        _services.Remove(service);
        await service.DisposeAsync();
    }

    public RedisHotState NewHotState(Action<HotStateOptions>? change = null)
    {
        var options = RedisServer.PatientOptions;
        change?.Invoke(options);
        return new RedisHotState(RedisClient, options, NullLogger<RedisHotState>.Instance);
    }

    /// <summary>Headers with a token that is valid for an hour.</summary>
    public static Metadata Headers(string subject, Roles roles, params string[] exemptions) =>
        Bearer(Tokens.Mint(subject, roles, TimeSpan.FromHours(1), exemptions));

    public static Metadata Bearer(string token) => new() { { "authorization", $"Bearer {token}" } };

    public static V1.Money Usd(long cents) => MoneyMap.FromMinor(cents, "USD");

    public async ValueTask DisposeAsync()
    {
        foreach (var service in _services) await service.DisposeAsync();
        Kafka?.Dispose();
        if (RedisClient is not null) await RedisClient.DisposeAsync();
        if (Database is not null) await Database.DisposeAsync();
        if (_ownServers is not null) await _ownServers.DisposeAsync();
    }
}

/// <summary>A service in this process, on free ports.</summary>
internal sealed class TestService : IAsyncDisposable
{
    private TestService(WebApplication app)
    {
        App = app;
        Channel = GrpcChannel.ForAddress(app.Urls.First());
    }

    public WebApplication App { get; }

    public GrpcChannel Channel { get; }

    public static async Task<TestService> StartAsync(
        Func<string[], WebApplication> build, params string[] settings)
    {
        var app = build(
        [
            "--Listen:Grpc=127.0.0.1:0", $"--Auth:Hs256Key={Convert.ToBase64String(TestStack.Key)}",
            "--Logging:LogLevel:Default=Error", .. settings,
        ]);
        await app.StartAsync();
        return new TestService(app);
    }

    public T Get<T>() where T : notnull => App.Services.GetRequiredService<T>();

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await Eventually.EndsAsync(App.StopAsync());
        await App.DisposeAsync();
    }
}
