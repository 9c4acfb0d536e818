namespace Auctions.Grpc;

/// <summary>Who may call a method, where it differs from "anyone with a token".</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class)]
public abstract class AccessAttribute : Attribute;

/// <summary>Needs one of these roles.</summary>
public sealed class RequiresRoleAttribute(Roles any) : AccessAttribute
{
    public Roles Any => any;
}

/// <summary>Needs no token while <c>Auth:OpenReads</c> is set. A token that comes along must still be good.</summary>
public sealed class OpenReadAttribute : AccessAttribute;

/// <summary>Needs no token and looks at none: health and reflection.</summary>
public sealed class PublicAttribute : AccessAttribute;
