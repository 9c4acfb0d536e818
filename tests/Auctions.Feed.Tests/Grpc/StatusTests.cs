using Grpc.Core;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>Statuses, their exceptions, and the numbers on the wire.</summary>
public class StatusTests
{
    [Fact]
    public void The_codes_have_the_numbers_of_the_protocol() => Assert.Equal(
        [
            "OK", "Cancelled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
            "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable",
            "DataLoss", "Unauthenticated",
        ],
        Enumerable.Range(0, Enum.GetValues<StatusCode>().Length).Select(number => ((StatusCode)number).ToString()));

    [Fact]
    public void The_other_enumerations_have_the_numbers_that_their_consumers_were_compiled_with()
    {
        Assert.Equal((1, 2), ((int)WriteFlags.BufferHint, (int)WriteFlags.NoCompress));
        Assert.Equal(
            [MethodType.Unary, MethodType.ClientStreaming, MethodType.ServerStreaming, MethodType.DuplexStreaming],
            Enumerable.Range(0, 4).Select(number => (MethodType)number));
        Assert.Equal(
            [
                ConnectivityState.Idle, ConnectivityState.Connecting, ConnectivityState.Ready,
                ConnectivityState.TransientFailure, ConnectivityState.Shutdown,
            ],
            Enumerable.Range(0, 5).Select(number => (ConnectivityState)number));
    }

    [Fact]
    public void A_status_says_what_it_is()
    {
        Assert.Equal("Status(StatusCode=\"NotFound\", Detail=\"no lot\")", new Status(StatusCode.NotFound, "no lot").ToString());
        var explained = new Status(StatusCode.Internal, "", new IOException("broken"));
        Assert.Contains("broken", explained.ToString(), StringComparison.Ordinal);
        Assert.Equal(StatusCode.OK, Status.DefaultSuccess.StatusCode);
        Assert.Equal(StatusCode.Cancelled, Status.DefaultCancelled.StatusCode);
        Assert.Equal(StatusCode.OK, default(Status).StatusCode);
    }

    [Fact]
    public void An_exception_carries_its_status_and_its_trailers()
    {
        var (cause, trailers) = (new IOException(), new Metadata { { "k", "v" } });
        var exception = new RpcException(new Status(StatusCode.Aborted, "again", cause), trailers);
        Assert.Equal(StatusCode.Aborted, exception.StatusCode);
        Assert.Equal(exception.Status.ToString(), exception.Message);
        Assert.Same(trailers, exception.Trailers);
        Assert.Same(cause, exception.InnerException);
        Assert.Equal("mine", new RpcException(Status.DefaultCancelled, "mine").Message);
    }

    [Fact]
    public void An_exception_without_trailers_has_read_only_ones()
    {
        Assert.True(new RpcException(Status.DefaultCancelled).Trailers.IsReadOnly);
        Assert.Throws<ArgumentNullException>(() => new RpcException(Status.DefaultCancelled, (Metadata)null!));
    }
}
