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
/// The errors that calls end with. Each carries google.rpc.Status in <c>grpc-status-details-bin</c>, with an ErrorInfo whose
/// reason a program can act on, so that nobody has to read the message.
/// </summary>
public static class RpcErrors
{
    /// <summary>ErrorInfo's domain.</summary>
    public const string Domain = "auctions";

    public const string DetailsTrailer = "grpc-status-details-bin";

    /// <summary>The longest part of a caller's value that an error repeats: trailers have bounds.</summary>
    public const int MaxEchoedLength = 80;

    /// <summary>The reason of an <see cref="InvalidArgument"/> about a field.</summary>
    public const string FieldInvalid = "FIELD_INVALID";

    public const string KeyReusedReason = "IDEMPOTENCY_KEY_REUSED";
    public const string OutcomeUnknownReason = "OUTCOME_UNKNOWN";

    /// <summary>An error with an ErrorInfo, and whatever else is to be told.</summary>
    /// <param name="reason">UPPER_SNAKE_CASE.</param>
    public static RpcException Of(StatusCode code, string reason, string message, params ReadOnlySpan<IMessage> details)
    {
        var status = new Status { Code = (int)code, Message = message };
        status.Details.Add(Any.Pack(new ErrorInfo { Domain = Domain, Reason = reason }));
        foreach (var detail in details) status.Details.Add(Any.Pack(detail));
        return status.ToRpcException();
    }

    /// <summary>One field that breaks a rule.</summary>
    /// <param name="field">Its path in the request, such as <c>auction.opening_price.nanos</c>.</param>
    /// <param name="value">What it was; null where it was not set.</param>
    /// <param name="rule">What it must be, such as "must be at least 1 minor unit".</param>
    public static RpcException InvalidArgument(string field, object? value, string rule)
    {
        var violations = new Violations();
        violations.Add(field, value, rule);
        return violations.ToException();
    }

    /// <summary>The same idempotency key came with other content before.</summary>
    public static RpcException KeyReused(Guid key) =>
        Of(StatusCode.InvalidArgument, KeyReusedReason, $"idempotency_key {key} was used before, for a request with other content.");

    public static RpcException NotFound(string reason, string message) => Of(StatusCode.NotFound, reason, message);

    public static RpcException AuctionNotFound(Guid id) => NotFound("AUCTION_NOT_FOUND", $"There is no auction {id}.");

    public static RpcException FailedPrecondition(string reason, string message) => Of(StatusCode.FailedPrecondition, reason, message);

    public static RpcException PermissionDenied(string reason, string message) => Of(StatusCode.PermissionDenied, reason, message);

    public static RpcException Unauthenticated(string reason, string message) => Of(StatusCode.Unauthenticated, reason, message);

    /// <summary>Nothing was done; try again after the delay.</summary>
    public static RpcException ResourceExhausted(string reason, string message, TimeSpan retryAfter) =>
        Of(StatusCode.ResourceExhausted, reason, message, Retry(retryAfter));

    public static RpcException Unavailable(string reason, string message, TimeSpan retryAfter) =>
        Of(StatusCode.Unavailable, reason, message, Retry(retryAfter));

    /// <summary>A stream that ends because its server is about to stop: another one may be called at once.</summary>
    public static RpcException Draining(string message) => Unavailable("DRAINING", message, TimeSpan.Zero);

    /// <summary>Whether it took effect is not known: the same idempotency key finds out.</summary>
    public static RpcException OutcomeUnknown() => Unavailable(OutcomeUnknownReason,
        "The outcome is not known: send the same request with the same idempotency key again.", TimeSpan.FromSeconds(1));

    /// <summary>The error that a call ends with when this was thrown. What is not known here becomes INTERNAL, without its text.</summary>
    public static RpcException From(Exception exception) => exception switch
    {
        RpcException { StatusCode: StatusCode.Unimplemented, Status.Detail: "" } =>
            Of(StatusCode.Unimplemented, "METHOD_NOT_IMPLEMENTED", "This method is part of the contract, and this server does not offer it yet."),
        RpcException known => known,
        LedgerUnavailableException or HotStateUnavailableException => OutcomeUnknown(),
        OperationCanceledException => Of(StatusCode.Cancelled, "CANCELLED", "The call was cancelled."),
        NpgsqlException { IsTransient: true } or NpgsqlException { InnerException: SocketException or IOException or TimeoutException } =>
            OutcomeUnknown(),
        _ => Of(StatusCode.Internal, "INTERNAL", "An internal error occurred; it has been logged."),
    };

    /// <summary>ErrorInfo's reason; empty where there is none.</summary>
    public static string Reason(RpcException exception) => Detail<ErrorInfo>(exception)?.Reason ?? "";

    /// <summary>One of the details, such as BadRequest or RetryInfo; null where there is none.</summary>
    public static TDetail? Detail<TDetail>(RpcException exception)
        where TDetail : class, IMessage<TDetail>, new() =>
        exception.GetRpcStatus()?.GetDetail<TDetail>();

    private static RetryInfo Retry(TimeSpan after) => new() { RetryDelay = Duration.FromTimeSpan(after) };
}
