using Auctions.Hosting;
using Grpc.Core;

namespace Auctions.Grpc;

/// <summary>Fields that many requests have.</summary>
public static class Fields
{
    /// <summary>An id or key of a request.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT where it is no UUID in its canonical form, or the nil one.</exception>
    public static Guid Uuid(string value, string field)
    {
        var violations = new Violations();
        var uuid = Uuid(value, field, violations);
        violations.ThrowIfAny();
        return uuid;
    }

    /// <summary>The same, where more fields than this one are looked at.</summary>
    public static Guid Uuid(string value, string field, Violations violations)
    {
        violations.Check(Guid.TryParseExact(value, "D", out var uuid) && uuid != Guid.Empty, field, value,
            "must be a UUID such as 0b8f1f2e-6c1d-4f7a-9a52-3d8f6f1f0c55, and not the nil UUID");
        return uuid;
    }

    /// <summary>How many a page is to hold: the default where none is given, and never more than the maximum.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT where it is negative.</exception>
    public static int PageSize(int value, string field, int byDefault, int max)
    {
        if (value < 0) throw RpcErrors.InvalidArgument(field, value, $"must be 0 (which means {byDefault}) to {max}");
        return value == 0 ? byDefault : Math.Min(value, max);
    }
}
