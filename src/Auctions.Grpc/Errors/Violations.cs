using System.Globalization;
using Google.Rpc;
using Grpc.Core;

namespace Auctions.Grpc;

/// <summary>All that is wrong with a request, so that its sender hears it at once and not one by one.</summary>
public sealed class Violations
{
    /// <summary>More than these are not told: trailers have bounds.</summary>
    public const int Max = 16;

    private readonly BadRequest _found = new();

    public bool None => _found.FieldViolations.Count == 0;

    /// <param name="value">What the field was, shortened; null where it was not set.</param>
    /// <param name="rule">Continues the sentence that the field's name begins: "must be ...".</param>
    public void Add(string field, object? value, string rule)
    {
        if (_found.FieldViolations.Count == Max) return;
        _found.FieldViolations.Add(new BadRequest.Types.FieldViolation { Field = field, Description = $"{rule}; it is {Echo(value)}" });
    }

    /// <summary>Adds a violation where the rule does not hold.</summary>
    /// <returns>Whether it holds.</returns>
    public bool Check(bool holds, string field, object? value, string rule)
    {
        if (!holds) Add(field, value, rule);
        return holds;
    }

    /// <exception cref="RpcException">INVALID_ARGUMENT, where anything was found.</exception>
    public void ThrowIfAny()
    {
        if (!None) throw ToException();
    }

    public RpcException ToException() => RpcErrors.Of(StatusCode.InvalidArgument, RpcErrors.FieldInvalid,
        string.Join(" ", _found.FieldViolations.Select(v => $"{v.Field} {v.Description}.")), _found);

    private static string Echo(object? value)
    {
        if (value is null) return "not set";
        var text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
        var shown = text.Length <= RpcErrors.MaxEchoedLength ? text : text[..RpcErrors.MaxEchoedLength] + "…";
        return value is string ? $"'{shown}'" : shown;
    }
}
