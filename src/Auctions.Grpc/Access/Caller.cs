using Auctions.Core;
using Grpc.Core;

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

    private static readonly object UserStateKey = new();

    public static Caller Anonymous { get; } = new("", Roles.None, new HashSet<string>());

    /// <summary>Whether the caller has one of the roles.</summary>
    public bool Has(Roles any) => (Roles & any) != 0;

    /// <summary>The caller of this call, which <see cref="AccessControl"/> has admitted.</summary>
    public static Caller Of(ServerCallContext context) =>
        context.UserState.TryGetValue(UserStateKey, out var caller) ? (Caller)caller : Anonymous;

    /// <inheritdoc cref="StoredValues.IsSubject"/>
    public static bool IsSubject(string text) => StoredValues.IsSubject(text);

    internal void Attach(ServerCallContext context) => context.UserState[UserStateKey] = this;
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
