using System.CommandLine;
using Auctions.Grpc;
using Auctions.Hosting;
using Npgsql;

namespace Auctions.Ctl.Deployment;

/// <summary>
/// Where the deployment is that a command works on. Each address is looked for in its option, then in the environment under
/// the services' own name, then in the run directory.
/// </summary>
public sealed class Target(ParseResult parse)
{
    private static readonly Option<string?> RunDir = new("--run-dir") { Description = $"The stack's run directory; default {RunDirectory.Variable}, or .run of the source tree", Recursive = true };
    private static readonly Option<string?> PostgresOption = new("--postgres") { Description = "Connection string of the ledger (or Postgres__ConnectionString)", Recursive = true };
    private static readonly Option<string?> RedisOption = new("--redis") { Description = "Redis, as StackExchange.Redis names it (or Redis__Configuration)", Recursive = true };
    private static readonly Option<string?> JwtKeyOption = new("--jwt-key") { Description = "Base64 of the key that signs tokens (or Auth__Hs256Key)", Recursive = true };
    private static readonly Option<string?> IssuerOption = new("--issuer") { Description = "The tokens' issuer (or Auth__Issuer)", Recursive = true };
    private static readonly Option<string?> AudienceOption = new("--audience") { Description = "The tokens' audience (or Auth__Audience)", Recursive = true };

    private readonly Lazy<RunDirectory> _run = new(() => RunDirectory.Read(parse.GetValue(RunDir) ?? RunDirectory.Default()));

    /// <summary>For the root command.</summary>
    public static IEnumerable<Option> Options => [RunDir, PostgresOption, RedisOption, JwtKeyOption, IssuerOption, AudienceOption];

    /// <summary>A data source that can only read.</summary>
    /// <exception cref="UnusableException">Nothing says where Postgres is, or not in a way that can be understood.</exception>
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
            throw new UnusableException($"The connection string of Postgres cannot be understood: {e.Message}");
        }

        string? FromRunDirectory() =>
            _run.Value.Endpoints.GetValueOrDefault("postgres")?.Split(':') is [var host, var port] && _run.Value.Secrets.TryGetValue("postgres_password", out var password)
                ? $"Host={host};Port={port};Database=auctions;Username=auctions;Password={password}"
                : null;
    }

    /// <exception cref="UnusableException">Nothing says where Redis is.</exception>
    public string Redis() => Find(RedisOption, "Redis__Configuration", () => _run.Value.Endpoints.GetValueOrDefault("redis"));

    /// <summary>The host:port of a service.</summary>
    /// <param name="option">The command's option that names it.</param>
    /// <param name="name">In <c>endpoints.json</c>.</param>
    /// <exception cref="UnusableException">Nothing says where it is.</exception>
    public string Service(Option<string?> option, string name) =>
        Find(option, $"{name.ToUpperInvariant()}_ADDRESS", () => _run.Value.Endpoints.GetValueOrDefault(name));

    /// <exception cref="UnusableException">There is no key, or it is none.</exception>
    public TokenIssuer Tokens(TimeProvider timeProvider)
    {
        var key = new AuthOptions { Hs256Key = Find(JwtKeyOption, "Auth__Hs256Key", () => _run.Value.Secrets.GetValueOrDefault("jwt_key")) }.Key();
        return key?.Length >= AuthOptions.MinKeyBytes
            ? new TokenIssuer(key, timeProvider, FindOr(IssuerOption, "Auth__Issuer"), FindOr(AudienceOption, "Auth__Audience"))
            : throw new UnusableException($"The key of tokens must be base64 of at least {AuthOptions.MinKeyBytes} bytes.");
    }

    private string Find(Option<string?> option, string variable, Func<string?> fromRunDirectory) =>
        parse.GetValue(option) ?? Environment.GetEnvironmentVariable(variable) ?? fromRunDirectory()
        ?? throw new UnusableException($"Nothing says what {option.Name} is: give it, or {variable}, or a run directory that has it ({_run.Value.Path} has not). Is the stack up?");

    private string FindOr(Option<string?> option, string variable) =>
        parse.GetValue(option) ?? Environment.GetEnvironmentVariable(variable) ?? "auctions";
}
