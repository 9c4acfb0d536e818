using Auctions.Core;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Auctions.Grpc;

/// <summary>
/// What the holder of a token may do: its <c>role</c> claims. A claim with another value has no effect.
/// </summary>
[Flags]
public enum Roles
{
    None = 0,
    /// <summary>Places bids.</summary>
    Bidder = 1,
    /// <summary>Creates auctions and changes its own.</summary>
    Seller = 2,
    /// <summary>Watches.</summary>
    Viewer = 4,
    /// <summary>Another service of the platform.</summary>
    Service = 8,
}

/// <summary>The caller, as the token names it.</summary>
/// <param name="Subject">
/// 1 to 128 printable ASCII characters without a blank; empty for the anonymous caller of an open read.
/// </param>
/// <param name="Exemptions">Limits that do not apply to the caller, such as <see cref="VelocityExemption"/>.</param>
public sealed record Caller(string Subject, Roles Roles, IReadOnlySet<string> Exemptions)
{
    public const int MaxSubjectLength = StoredValues.SubjectLengthMax;

    /// <summary>The exemption from the limit on a bidder's velocity.</summary>
    public const string VelocityExemption = "velocity";

    /// <summary>The exemption from the limits on calls a second.</summary>
    public const string CallsExemption = "calls";

    /// <summary>The exemption from the limit on calls in flight.</summary>
    public const string InFlightExemption = "in-flight";

    /// <summary>The exemption from the limits on open streams.</summary>
    public const string StreamsExemption = "streams";

    private static readonly object UserStateKey = new();

    /// <summary>Every exemption: for services and tools that act for many.</summary>
    public static string[] AllExemptions =>
        [VelocityExemption, CallsExemption, InFlightExemption, StreamsExemption];

    public static Caller Anonymous { get; } = new("", Roles.None, new HashSet<string>());

    /// <summary>When the token expires, without the allowed skew of clocks.</summary>
    public DateTimeOffset Expires { get; init; } = DateTimeOffset.MaxValue;

    /// <summary>Whether the caller has one of the roles.</summary>
    public bool Has(Roles any) => (Roles & any) != 0;

    /// <summary>The caller of this call, which <see cref="CallGate"/> has admitted.</summary>
    public static Caller Of(ServerCallContext context) =>
        context.UserState.TryGetValue(UserStateKey, out var caller) ? (Caller)caller : Anonymous;

    /// <inheritdoc cref="StoredValues.IsSubject"/>
    public static bool IsSubject(string text) => StoredValues.IsSubject(text);

    internal void Attach(HttpContext http) => http.Items[UserStateKey] = this;

    /// <summary>Whether <see cref="CallGate"/> has admitted the call.</summary>
    internal static bool IsAttached(HttpContext http) => http.Items.ContainsKey(UserStateKey);
}

/// <summary>The claims of a token that services read.</summary>
internal static class Claims
{
    public const string Subject = "sub";
    public const string Role = "role";
    public const string Exempt = "exempt";

    private static readonly (string Name, Roles Role)[] Known =
        [("bidder", Roles.Bidder), ("seller", Roles.Seller), ("viewer", Roles.Viewer), ("service", Roles.Service)];

    /// <summary>The values of <see cref="Role"/> for these roles.</summary>
    public static string[] Names(Roles roles) => [.. Known.Where(k => roles.HasFlag(k.Role)).Select(k => k.Name)];

    public static Roles ParseRoles(IEnumerable<string> names) =>
        names.Aggregate(Roles.None, (roles, name) => roles | Known.FirstOrDefault(k => k.Name == name).Role);
}
