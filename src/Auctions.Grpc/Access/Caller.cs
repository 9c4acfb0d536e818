using Grpc.Core;

namespace Auctions.Grpc;

/// <summary>What a token's holder may do: its <c>role</c> claims. A claim of any other value gives nothing.</summary>
[Flags]
public enum Roles
{
    None = 0,
    /// <summary>Places bids.</summary>
    Bidder = 1,
    /// <summary>Creates auctions, and changes its own.</summary>
    Seller = 2,
    /// <summary>Watches.</summary>
    Viewer = 4,
    /// <summary>Another service of the platform.</summary>
    Service = 8,
}

/// <summary>Who calls, as the token says.</summary>
/// <param name="Subject">1 to 128 printable ASCII characters without a blank; empty for the anonymous caller of an open read.</param>
/// <param name="Exemptions">From limits: <see cref="VelocityExemption"/>.</param>
public sealed record Caller(string Subject, Roles Roles, IReadOnlySet<string> Exemptions)
{
    public const int MaxSubjectLength = 128;

    /// <summary>The exemption from how fast a bidder may bid.</summary>
    public const string VelocityExemption = "velocity";

    public static Caller Anonymous { get; } = new("", Roles.None, new HashSet<string>());

    private static readonly object Key = new();

    public bool IsAnonymous => Subject.Length == 0;

    /// <summary>Whether the caller has one of the roles.</summary>
    public bool Has(Roles any) => (Roles & any) != 0;

    /// <summary>Who makes this call. The access interceptor has seen to it that the call may be made at all.</summary>
    public static Caller Of(ServerCallContext context) =>
        context.UserState.TryGetValue(Key, out var caller) ? (Caller)caller : Anonymous;

    /// <summary>
    /// Whether a subject can be one: it is a field of blank-separated lines in Redis and part of a key there, so that neither
    /// a blank nor a control character may be in it.
    /// </summary>
    public static bool IsSubject(string text) =>
        text.Length is >= 1 and <= MaxSubjectLength && text.All(c => c is > ' ' and < (char)0x7f);

    internal void Attach(ServerCallContext context) => context.UserState[Key] = this;
}
