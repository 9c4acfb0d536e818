using System.Globalization;
using System.Net.Sockets;
using Auctions.HotState;
using Auctions.Ledger;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Npgsql;
using Status = Google.Rpc.Status;

namespace Auctions.Grpc;

/// <summary>
/// The errors of calls. Each has a google.rpc.Status in <c>grpc-status-details-bin</c>, with an ErrorInfo: a program
/// acts on its reason and never needs the message.
/// </summary>
public static class RpcErrors
{
    /// <summary>ErrorInfo's domain.</summary>
    public const string Domain = "auctions";

    public const string DetailsTrailer = "grpc-status-details-bin";

    /// <summary>
    /// An error repeats at most so many characters of a caller's value: trailers are limited in size.
    /// </summary>
    public const int MaxEchoedLength = 80;

    /// <summary>The reason of <see cref="InvalidArgument"/>.</summary>
    public const string FieldInvalid = "FIELD_INVALID";

    /// <summary>The reason of <see cref="MessageInvalid"/>.</summary>
    public const string MessageInvalidReason = "MESSAGE_INVALID";

    public const string KeyReusedReason = "IDEMPOTENCY_KEY_REUSED";
    public const string OutcomeUnknownReason = "OUTCOME_UNKNOWN";

    /// <summary>An error with an ErrorInfo and other details.</summary>
    /// <param name="reason">UPPER_SNAKE_CASE.</param>
    public static RpcException Of(
        StatusCode code, string reason, string message, params ReadOnlySpan<IMessage> details)
    {
        var status = new Status { Code = (int)code, Message = message };
        status.Details.Add(Any.Pack(new ErrorInfo { Domain = Domain, Reason = reason }));
        foreach (var detail in details) status.Details.Add(Any.Pack(detail));
        return status.ToRpcException();
    }

    /// <summary>One field breaks a rule. For several fields use <see cref="Violations"/>.</summary>
    /// <inheritdoc cref="Violations.Add"/>
    public static RpcException InvalidArgument(string field, object? value, string rule)
    {
        var violations = new Violations();
        violations.Add(field, value, rule);
        return violations.ToException();
    }

    /// <summary>The bytes of the request are not a message of the method.</summary>
    public static RpcException MessageInvalid(string message) =>
        Of(StatusCode.InvalidArgument, MessageInvalidReason, message);

    /// <summary>An earlier request with other content had the same idempotency key.</summary>
    public static RpcException KeyReused(Guid key) => Of(StatusCode.InvalidArgument, KeyReusedReason,
        $"idempotency_key {key} was used before, for a request with other content.");

    public static RpcException NotFound(string reason, string message) =>
        Of(StatusCode.NotFound, reason, message);

    public static RpcException AuctionNotFound(Guid id) =>
        NotFound("AUCTION_NOT_FOUND", $"There is no auction {id}.");

    public static RpcException FailedPrecondition(string reason, string message) =>
        Of(StatusCode.FailedPrecondition, reason, message);

    /// <summary>
    /// A stored value of the auction breaks a rule. No retry helps before an operator has corrected it. The value
    /// itself is not told: it may be a reserve or a ceiling.
    /// </summary>
    public static RpcException AuctionUnreadable(Guid id, string rule = "its row cannot be read") =>
        FailedPrecondition(
            "AUCTION_UNREADABLE", $"Auction {id} cannot be used until an operator has corrected it: {rule}.");

    public static RpcException PermissionDenied(string reason, string message) =>
        Of(StatusCode.PermissionDenied, reason, message);

    public static RpcException Unauthenticated(string reason, string message) =>
        Of(StatusCode.Unauthenticated, reason, message);

    /// <summary>Nothing was done. The caller may try again after the delay.</summary>
    public static RpcException ResourceExhausted(string reason, string message, TimeSpan retryAfter) =>
        Of(StatusCode.ResourceExhausted, reason, message, Retry(retryAfter));

    public static RpcException Unavailable(string reason, string message, TimeSpan retryAfter) =>
        Of(StatusCode.Unavailable, reason, message, Retry(retryAfter));

    /// <summary>The auction's row is locked. The other auctions are not affected.</summary>
    public static RpcException AuctionBusy(AuctionBusyException fault) => Unavailable("AUCTION_BUSY",
        fault.Message + " This call did nothing.", AuctionBusyException.RetryAfter);

    /// <summary>A stream ends because its server stops. The caller may open it again elsewhere at once.</summary>
    public static RpcException Draining(string message) => Unavailable("DRAINING", message, TimeSpan.Zero);

    /// <summary>The request may have taken effect: a retry with the same idempotency key gets the answer.</summary>
    public static RpcException OutcomeUnknown() => Unavailable(OutcomeUnknownReason,
        "The outcome is not known: send the same request with the same idempotency key again.",
        TimeSpan.FromSeconds(1));

    /// <summary>
    /// The error for an exception. An exception that is not known here becomes INTERNAL, without its text.
    /// </summary>
    public static RpcException From(Exception exception) => exception switch
    {
        RpcException { StatusCode: StatusCode.Unimplemented, Status.Detail: "" } => Of(
            StatusCode.Unimplemented, "METHOD_NOT_IMPLEMENTED",
            "This method is part of the contract, and this server does not offer it yet."),
        RpcException known => known,
        AuctionBusyException fault => AuctionBusy(fault),
        LedgerUnavailableException or HotStateUnavailableException => OutcomeUnknown(),
        UnreadableAuctionException e => AuctionUnreadable(e.AuctionId, e.Rule),
        OperationCanceledException => Of(StatusCode.Cancelled, "CANCELLED", "The call was cancelled."),
        NpgsqlException { IsTransient: true }
            or NpgsqlException { InnerException: SocketException or IOException or TimeoutException } =>
            OutcomeUnknown(),
        _ => Of(StatusCode.Internal, "INTERNAL", "An internal error occurred; it has been logged."),
    };

    /// <summary>The same as a message, for the error of one part of a stream.</summary>
    public static V1.CallError CallErrorOf(Exception exception)
    {
        var status = From(exception).GetRpcStatus()!;
        return new V1.CallError { Code = status.Code, Message = status.Message, Details = { status.Details } };
    }

    /// <summary>ErrorInfo's reason; empty if there is no ErrorInfo.</summary>
    public static string Reason(RpcException exception) => Detail<ErrorInfo>(exception)?.Reason ?? "";

    /// <summary>A detail, such as BadRequest or RetryInfo; null if there is none of this type.</summary>
    public static TDetail? Detail<TDetail>(RpcException exception)
        where TDetail : class, IMessage<TDetail>, new() =>
        exception.GetRpcStatus()?.GetDetail<TDetail>();

    private static RetryInfo Retry(TimeSpan after) => new() { RetryDelay = Duration.FromTimeSpan(after) };
}

/// <summary>
/// Collects the fields of a request that break a rule, so that the caller gets all of them in one error.
/// </summary>
public sealed class Violations
{
    /// <summary>An error names at most so many fields: trailers are limited in size.</summary>
    public const int Max = 16;

    private readonly BadRequest _found = new();

    /// <param name="field">Its path in the request, such as <c>auction.opening_price.nanos</c>.</param>
    /// <param name="value">Its value, which is shortened; null if it was not set.</param>
    /// <param name="rule">Continues a sentence that begins with the field: "must be at least 1 minor unit".</param>
    public void Add(string field, object? value, string rule)
    {
        if (_found.FieldViolations.Count == Max) return;
        _found.FieldViolations.Add(new BadRequest.Types.FieldViolation
        {
            Field = field,
            Description = $"{rule}; it is {Echo(value)}",
        });
    }

    /// <summary>Adds a violation if the rule does not hold.</summary>
    /// <returns>Whether the rule holds.</returns>
    public bool Check(bool holds, string field, object? value, string rule)
    {
        if (!holds) Add(field, value, rule);
        return holds;
    }

    /// <exception cref="RpcException">INVALID_ARGUMENT, if there are violations.</exception>
    public void ThrowIfAny()
    {
        if (_found.FieldViolations.Count > 0) throw ToException();
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
