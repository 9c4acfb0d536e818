using System.CommandLine;
using Auctions.Ctl.Deployment;
using Auctions.Ctl.Output;
using Auctions.Grpc;
using Microsoft.IdentityModel.JsonWebTokens;

namespace Auctions.Ctl;

/// <summary><c>token</c>: prints a token that is signed with the deployment's shared key.</summary>
public static class TokenCommand
{
    public static Command Create(TimeProvider timeProvider)
    {
        var subject = new Option<string>("--sub") { Description = "The subject of the token", Required = true };
        var roles = new Option<Roles[]>("--role")
        {
            Description = "bidder, seller, viewer or service; may be repeated",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
        };
        var lifetime = new Option<TimeSpan?>("--ttl")
        {
            Description = "How long the token is valid, such as 30s or 1h",
            CustomParser = Durations.Parse,
            DefaultValueFactory = _ => TimeSpan.FromHours(1),
        };
        var exemptions = new Option<string[]>("--exempt")
        {
            Description = $"A limit that does not apply to the token: {string.Join(", ", Caller.AllExemptions)}",
            AllowMultipleArgumentsPerToken = true,
        };
        exemptions.AcceptOnlyFromAmong(Caller.AllExemptions);
        var json = new Option<bool>("--json") { Description = "Print JSON" };
        var command = new Command("token", "Prints a token (JWT) for calling the services.")
            { subject, roles, lifetime, exemptions, json };
        command.SetAction(parse =>
        {
            var sub = parse.GetRequiredValue(subject);
            if (!Caller.IsSubject(sub))
            {
                throw new CommandException(
                    $"--sub must be 1 to {Caller.MaxSubjectLength} printable ASCII characters without a blank.");
            }

            var role = parse.GetRequiredValue(roles).Aggregate(Roles.None, (all, one) => all | one);
            var token = new Target(parse).Tokens(timeProvider)
                .Mint(sub, role, parse.GetValue(lifetime)!.Value, parse.GetValue(exemptions) ?? []);
            Console.Out.WriteLine(parse.GetValue(json)
                ? Json.Of(new { Token = token, ExpiresAt = new JsonWebToken(token).ValidTo })
                : token);
            return ExitCode.Clean;
        });
        return command;
    }
}
