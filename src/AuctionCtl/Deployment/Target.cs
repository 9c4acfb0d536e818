using System.CommandLine;
using System.Text.Json;
using Auctions.Grpc;
using Npgsql;

namespace Auctions.Ctl.Deployment;

/// <summary>
/// The deployment that a command works on. Each address comes from its option, or else from the environment variable
/// that the services use, or else from the run directory.
/// </summary>
public sealed class Target(ParseResult parse)
{
    private static readonly Option<string?> RunDir = GlobalOption(
        "--run-dir", $"The stack's run directory (default: {RunDirectory.Variable}, or .run in the source tree)");
    private static readonly Option<string?> PostgresOption = GlobalOption(
        "--postgres", "Connection string of the ledger (or Postgres__ConnectionString)");
    private static readonly Option<string?> RedisOption = GlobalOption(
        "--redis", "StackExchange.Redis configuration string (or Redis__Configuration)");
    private static readonly Option<string?> JwtKeyOption = GlobalOption(
        "--jwt-key", "The key that signs tokens, in base64 (or Auth__Hs256Key)");
    private static readonly Option<string?> IssuerOption = GlobalOption(
        "--issuer", "The issuer of tokens (or Auth__Issuer)");
    private static readonly Option<string?> AudienceOption = GlobalOption(
        "--audience", "The audience of tokens (or Auth__Audience)");

    private readonly Lazy<RunDirectory> _run =
        new(() => RunDirectory.Read(parse.GetValue(RunDir) ?? RunDirectory.Default()));

    /// <summary>The options, for the root command.</summary>
    public static IEnumerable<Option> Options =>
        [RunDir, PostgresOption, RedisOption, JwtKeyOption, IssuerOption, AudienceOption];

    /// <summary>A data source that can only read.</summary>
    /// <exception cref="CommandException">The connection string is missing or malformed.</exception>
    public NpgsqlDataSource Postgres()
    {
        var given = Find(PostgresOption, "Postgres__ConnectionString", FromRunDirectory);
        try
        {
            var settings = new NpgsqlConnectionStringBuilder(given) { ApplicationName = "auctionctl", Timeout = 5 };
            settings.Options = $"{settings.Options} -c default_transaction_read_only=on".Trim();
            return NpgsqlDataSource.Create(settings);
        }
        catch (ArgumentException e)
        {
            throw new CommandException($"The Postgres connection string is not valid: {e.Message}");
        }

        string? FromRunDirectory() =>
            _run.Value.Endpoints.GetValueOrDefault("postgres")?.Split(':') is [var host, var port]
            && _run.Value.Secrets.TryGetValue("postgres_password", out var password)
                ? $"Host={host};Port={port};Database=auctions;Username=auctions;Password={password}"
                : null;
    }

    /// <summary>The StackExchange.Redis configuration string.</summary>
    /// <exception cref="CommandException">It is missing.</exception>
    public string Redis()
    {
        return Find(RedisOption, "Redis__Configuration", FromRunDirectory);

        string? FromRunDirectory() => _run.Value.Endpoints.GetValueOrDefault("redis") is { } address
            ? _run.Value.Secrets.TryGetValue("redis_password", out var password)
                ? $"{address},password={password}"
                : address
            : null;
    }

    /// <summary>The <c>host:port</c> of a service.</summary>
    /// <param name="option">The command's option for it.</param>
    /// <param name="name">The service's name in <c>endpoints.json</c>.</param>
    /// <exception cref="CommandException">The address is missing.</exception>
    public string Service(Option<string?> option, string name) =>
        Find(option, $"{name.ToUpperInvariant()}_ADDRESS", () => _run.Value.Endpoints.GetValueOrDefault(name));

    /// <exception cref="CommandException">The key is missing, malformed or too short.</exception>
    public TokenIssuer Tokens(TimeProvider timeProvider)
    {
        var base64 = Find(JwtKeyOption, "Auth__Hs256Key", () => _run.Value.Secrets.GetValueOrDefault("jwt_key"));
        if (new AuthOptions { Hs256Key = base64 }.Key() is not { Length: >= AuthOptions.MinKeyBytes } key)
        {
            throw new CommandException(
                $"The key that signs tokens must be base64 of at least {AuthOptions.MinKeyBytes} bytes.");
        }

        return new TokenIssuer(
            key, timeProvider, FindOr(IssuerOption, "Auth__Issuer"), FindOr(AudienceOption, "Auth__Audience"));
    }

    private string Find(Option<string?> option, string variable, Func<string?> fromRunDirectory) =>
        parse.GetValue(option) ?? Environment.GetEnvironmentVariable(variable) ?? fromRunDirectory()
        ?? throw new CommandException(
            $"{option.Name} is not known. Set the option, or {variable}, or use a run directory that has it "
            + $"({_run.Value.Path} does not). Is the stack up?");

    private string FindOr(Option<string?> option, string variable) =>
        parse.GetValue(option) ?? Environment.GetEnvironmentVariable(variable) ?? "auctions";

    private static Option<string?> GlobalOption(string name, string description) =>
        new(name) { Description = description, Recursive = true };
}

/// <summary>The addresses and secrets that the one-machine stack writes to its run directory.</summary>
/// <param name="Endpoints">A name such as <c>bidding</c> to <c>host:port</c>.</param>
/// <param name="Secrets">A name such as <c>jwt_key</c> to its value.</param>
public sealed record RunDirectory(
    string Path, IReadOnlyDictionary<string, string> Endpoints, IReadOnlyDictionary<string, string> Secrets)
{
    /// <summary>The environment variable that names the run directory.</summary>
    public const string Variable = "AUCTIONS_RUN_DIR";

    /// <summary>Reads the directory. A file that does not exist counts as empty.</summary>
    /// <exception cref="CommandException">A file exists but cannot be read.</exception>
    public static RunDirectory Read(string path) => new(
        path,
        ReadFile(System.IO.Path.Combine(path, "endpoints.json")),
        ReadFile(System.IO.Path.Combine(path, "secrets.json")));

    /// <summary>
    /// <c>AUCTIONS_RUN_DIR</c>, or else <c>.run</c> in the source tree of this program, or else in the current
    /// directory.
    /// </summary>
    public static string Default()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named) return named;
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "Auctions.sln")))
            folder = folder.Parent;
        return System.IO.Path.Combine(folder?.FullName ?? Environment.CurrentDirectory, ".run");
    }

    private static Dictionary<string, string> ReadFile(string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            return JsonSerializer.Deserialize<Dictionary<string, string>>(stream) ?? [];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"{file} cannot be read: {e.Message}");
        }
    }
}
