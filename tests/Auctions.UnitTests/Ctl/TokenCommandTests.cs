using System.Text.Json;
using Auctions.Ctl;
using Microsoft.IdentityModel.JsonWebTokens;

namespace Auctions.UnitTests.Ctl;

/// <summary>The tool's output is the process' own, so these run alone.</summary>
[Collection(nameof(TokenCommandTests))]
[CollectionDefinition(nameof(TokenCommandTests), DisableParallelization = true)]
public class TokenCommandTests
{
    private static readonly string Key = Convert.ToBase64String(new byte[32]);

    [Fact]
    public async Task A_token_says_what_it_was_asked_to_say()
    {
        var (exit, output) = await RunAsync("token", "--sub", "alice", "--role", "bidder", "--role", "seller", "--ttl", "2h", "--exempt", "velocity", "--jwt-key", Key);
        var token = new JsonWebToken(output.Trim());

        Assert.Equal(ExitCode.Clean, exit);
        Assert.Equal(("alice", "auctions", "auctions"), (token.Subject, token.Issuer, token.Audiences.Single()));
        Assert.Equal(["bidder", "seller"], token.Claims.Where(claim => claim.Type == "role").Select(claim => claim.Value));
        Assert.Equal("velocity", token.GetClaim("exempt").Value);
        Assert.Equal(TimeSpan.FromHours(2), token.ValidTo - token.IssuedAt);
    }

    [Fact]
    public async Task As_JSON_it_comes_with_its_expiry()
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
    public async Task What_is_no_token_is_refused(params string[] args)
    {
        var (exit, output) = await RunAsync([.. args, "--jwt-key", Key]);

        Assert.Equal(ExitCode.NotChecked, exit);
        Assert.DoesNotContain("eyJ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_is_too_short_is_refused()
    {
        Assert.Equal(ExitCode.NotChecked, (await RunAsync("token", "--sub", "alice", "--role", "bidder", "--jwt-key", "c2hvcnQ=")).Exit);
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
