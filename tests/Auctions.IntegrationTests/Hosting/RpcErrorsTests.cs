using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.IntegrationTests.Servers;
using Auctions.V1;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Auctions.IntegrationTests.Hosting;

public sealed class RpcErrorsTests : IAsyncLifetime
{
    private ProbeHost _host = null!;

    public async Task InitializeAsync() => _host = await ProbeHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task An_unknown_exception_is_internal_logged_once_and_hidden_from_the_caller()
    {
        var e = await FailureAsync("other");
        Assert.Equal((StatusCode.Internal, "INTERNAL"), (e.StatusCode, RpcErrors.Reason(e)));
        Assert.DoesNotContain("secret", e.ToString() + e.GetRpcStatus(), StringComparison.Ordinal);
        Assert.Single(_host.Log.Lines, l => l.Text.Contains("secret text", StringComparison.Ordinal));
        Assert.Single(_host.Log.Lines, l => l.Level >= LogLevel.Warning);
    }

    [Fact]
    public async Task A_ledger_that_does_not_answer_leaves_the_outcome_unknown_and_says_when_to_retry()
    {
        var e = await FailureAsync("ledger");
        Assert.Equal((StatusCode.Unavailable, RpcErrors.OutcomeUnknownReason), (e.StatusCode, RpcErrors.Reason(e)));
        Assert.Equal((int)StatusCode.Unavailable, e.GetRpcStatus()!.Code);
        Assert.Equal(1, RpcErrors.Detail<RetryInfo>(e)!.RetryDelay.Seconds);
        Assert.DoesNotContain("secret", e.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_of_a_method_arrives_as_it_was_thrown()
    {
        var e = await FailureAsync("rpc");
        Assert.Equal((StatusCode.ResourceExhausted, "OVERLOADED", "Too much."),
            (e.StatusCode, RpcErrors.Reason(e), e.Status.Detail));
        Assert.Equal(200_000_000, RpcErrors.Detail<RetryInfo>(e)!.RetryDelay.Nanos);
    }

    [Fact]
    public async Task A_method_that_is_not_implemented_yet_says_so()
    {
        var e = await Assert.ThrowsAsync<RpcException>(
            async () => await _host.Client.BuyNowAsync(new BuyNowRequest(), Token()));
        Assert.Equal((StatusCode.Unimplemented, "METHOD_NOT_IMPLEMENTED"), (e.StatusCode, RpcErrors.Reason(e)));
        Assert.NotEmpty(e.Status.Detail);
    }

    [Fact]
    public async Task A_request_over_the_size_limit_is_refused()
    {
        var large = new PlaceBidRequest { AuctionId = new string('x', ListenOptions.MaxMessageBytes) };
        var e = await Assert.ThrowsAsync<RpcException>(async () => await _host.Client.PlaceBidAsync(large, Token()));
        Assert.Equal(
            (StatusCode.InvalidArgument, RpcErrors.MessageInvalidReason), (e.StatusCode, RpcErrors.Reason(e)));
    }

    [Fact]
    public void The_first_detail_is_an_ErrorInfo_with_the_reason()
    {
        var e = RpcErrors.InvalidArgument("amount.nanos", 5, "must be 0");
        var info = e.GetRpcStatus()!.Details[0];
        Assert.Equal("type.googleapis.com/google.rpc.ErrorInfo", info.TypeUrl);

        // google.rpc.ErrorInfo: string reason = 1; string domain = 2.
        var reader = new CodedInputStream(info.Value.ToByteArray());
        Assert.Equal(1u << 3 | 2, reader.ReadTag());
        Assert.Equal(RpcErrors.FieldInvalid, reader.ReadString());
        Assert.Equal(2u << 3 | 2, reader.ReadTag());
        Assert.Equal(RpcErrors.Domain, reader.ReadString());
    }

    [Fact]
    public void All_violations_are_reported_at_once_with_field_rule_and_value()
    {
        var violations = new Violations();
        violations.Check(true, "fine", 1, "must be 1");
        violations.Check(false, "title", "", "must not be empty");
        violations.Add("post_id", null, "must be set");
        var e = violations.ToException();
        Assert.Equal(["title", "post_id"], RpcErrors.Detail<BadRequest>(e)!.FieldViolations.Select(v => v.Field));
        Assert.Equal("title must not be empty; it is ''. post_id must be set; it is not set.", e.Status.Detail);
    }

    [Fact]
    public void An_error_repeats_only_a_part_of_the_request()
    {
        var violations = new Violations();
        for (var i = 0; i < 100; i++) violations.Add("title", new string('x', 10_000), "must be short");
        var details = violations.ToException().Trailers.GetValueBytes(RpcErrors.DetailsTrailer)!;
        Assert.InRange(details.Length, 1, 6_000);
    }

    private Metadata Token() => TestStack.Headers("ann", Roles.Bidder);

    private async Task<RpcException> FailureAsync(string how)
    {
        using var call = _host.Client.PlaceBids(Token());
        await call.RequestStream.WriteAsync(new PlaceBidsRequest { Bid = new PlaceBidRequest { AuctionId = how } });
        return await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None));
    }
}
