using System.Text.Json;
using Auctions.Ctl;
using Auctions.Ctl.Deployment;
using Microsoft.IdentityModel.JsonWebTokens;

namespace Auctions.UnitTests.Ctl;

/// <summary>These run alone, because they redirect the standard output of the process.</summary>
[Collection(nameof(TokenCommandTests))]
[CollectionDefinition(nameof(TokenCommandTests), DisableParallelization = true)]
public class TokenCommandTests
{
    private static readonly string Key = Convert.ToBase64String(new byte[32]);

    [Fact]
    public async Task A_token_has_the_requested_claims()
    {
        var (exit, output) = await RunAsync(
            "token", "--sub", "alice", "--role", "bidder", "--role", "seller", "--ttl", "2h", "--exempt", "velocity",
            "--jwt-key", Key);
        var token = new JsonWebToken(output.Trim());

        Assert.Equal(ExitCode.Clean, exit);
        Assert.Equal(("alice", "auctions", "auctions"), (token.Subject, token.Issuer, token.Audiences.Single()));
        var roles = token.Claims.Where(claim => claim.Type == "role").Select(claim => claim.Value);
        Assert.Equal(["bidder", "seller"], roles);
        Assert.Equal("velocity", token.GetClaim("exempt").Value);
        Assert.Equal(TimeSpan.FromHours(2), token.ValidTo - token.IssuedAt);
    }

    [Fact]
    public async Task The_JSON_has_the_expiry_of_the_token()
    {
        var (_, output) = await RunAsync("token", "--sub", "alice", "--role", "bidder", "--jwt-key", Key, "--json");
        var json = JsonDocument.Parse(output).RootElement;

        var expires = new JsonWebToken(json.GetProperty("token").GetString()).ValidTo;
        Assert.Equal(expires, json.GetProperty("expires_at").GetDateTime().ToUniversalTime());
    }

    [Theory]
    [InlineData("token", "--sub", "alice", "--role", "king")]
    [InlineData("token", "--role", "bidder")]
    [InlineData("token", "--sub", "alice bob", "--role", "bidder")]
    [InlineData("token", "--sub", "alice", "--role", "bidder", "--ttl", "later")]
    [InlineData("token", "--sub", "alice", "--role", "bidder", "--exempt", "everything")]
    public async Task An_invalid_request_gives_no_token(params string[] args)
    {
        var (exit, output) = await RunAsync([.. args, "--jwt-key", Key]);

        Assert.Equal(ExitCode.NotChecked, exit);
        Assert.DoesNotContain("eyJ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_is_too_short_gives_no_token()
    {
        var (exit, _) = await RunAsync("token", "--sub", "alice", "--role", "bidder", "--jwt-key", "c2hvcnQ=");

        Assert.Equal(ExitCode.NotChecked, exit);
    }

    private static async Task<(int Exit, string Output)> RunAsync(params string[] args)
    {
        var (before, output) = (Console.Out, new StringWriter());
        Console.SetOut(output);
        try
        {
            return (await Cli.RunAsync(args, TimeProvider.System), output.ToString());
        }
        finally
        {
            Console.SetOut(before);
        }
    }
}

public class DurationsTests
{
    [Theory]
    [InlineData("250ms", 0.25)]
    [InlineData("30s", 30)]
    [InlineData("1.5m", 90)]
    [InlineData("1h", 3600)]
    [InlineData("2d", 172800)]
    public void A_duration_has_a_unit(string text, double seconds)
    {
        Assert.Equal(TimeSpan.FromSeconds(seconds), Durations.Parse(text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("30")]
    [InlineData("0s")]
    [InlineData("-1s")]
    [InlineData("400d")]
    [InlineData("a long time")]
    public void Other_texts_are_not_durations(string text)
    {
        Assert.Null(Durations.Parse(text));
    }
}

public sealed class RunDirectoryTests : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("auctionctl-").FullName;

    public void Dispose() => Directory.Delete(_path, recursive: true);

    [Fact]
    public void Addresses_and_secrets_are_read_by_name()
    {
        Write("endpoints.json", """{ "bidding": "127.0.0.1:1234" }""");
        Write("secrets.json", """{ "jwt_key": "AAAA" }""");

        var run = RunDirectory.Read(_path);

        Assert.Equal(("127.0.0.1:1234", "AAAA"), (run.Endpoints["bidding"], run.Secrets["jwt_key"]));
    }

    [Fact]
    public void A_missing_directory_is_empty()
    {
        var run = RunDirectory.Read(Path.Combine(_path, "none"));

        Assert.Empty(run.Endpoints);
        Assert.Empty(run.Secrets);
    }

    [Fact]
    public void The_error_for_a_damaged_file_names_it()
    {
        Write("endpoints.json", "{ bidding");

        var error = Assert.Throws<CommandException>(() => RunDirectory.Read(_path));

        Assert.Contains("endpoints.json", error.Message, StringComparison.Ordinal);
    }

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(_path, file), text);
}
