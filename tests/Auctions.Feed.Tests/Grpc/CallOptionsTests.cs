using Grpc.Core;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>Options are values: a With method changes one of them, in a copy.</summary>
public class CallOptionsTests
{
    private static readonly DateTime Deadline = new(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc);
    private static readonly CallCredentials Credentials = CallCredentials.FromInterceptor((_, _) => Task.CompletedTask);

    [Fact]
    public void Nothing_is_set_unless_it_is_given()
    {
        var options = new CallOptions();
        Assert.Null(options.Headers);
        Assert.Null(options.Deadline);
        Assert.Equal(CancellationToken.None, options.CancellationToken);
        Assert.Null(options.WriteOptions);
        Assert.Null(options.PropagationToken);
        Assert.Null(options.Credentials);
        Assert.False(options.IsWaitForReady);
    }

    [Fact]
    public void Each_With_changes_its_own_and_keeps_the_others()
    {
        using var cancellation = new CancellationTokenSource();
        var (headers, write) = (new Metadata(), new WriteOptions(WriteFlags.NoCompress));
        var options = new CallOptions()
            .WithWaitForReady()
            .WithHeaders(headers)
            .WithDeadline(Deadline)
            .WithCancellationToken(cancellation.Token)
            .WithWriteOptions(write)
            .WithCredentials(Credentials);

        Assert.Same(headers, options.Headers);
        Assert.Equal(Deadline, options.Deadline);
        Assert.Equal(cancellation.Token, options.CancellationToken);
        Assert.Same(write, options.WriteOptions);
        Assert.Same(Credentials, options.Credentials);
        Assert.True(options.IsWaitForReady);
        Assert.False(options.WithWaitForReady(false).IsWaitForReady);
    }

    [Fact]
    public void The_original_stays_as_it_was()
    {
        var original = new CallOptions(deadline: Deadline);
        _ = original.WithDeadline(Deadline.AddYears(1)).WithHeaders([]).WithWaitForReady();
        Assert.Equal(Deadline, original.Deadline);
        Assert.Null(original.Headers);
        Assert.False(original.IsWaitForReady);
    }

    [Fact]
    public void Write_options_have_no_flags_by_default()
    {
        Assert.Equal((WriteFlags)0, WriteOptions.Default.Flags);
        Assert.Equal(WriteFlags.BufferHint, new WriteOptions(WriteFlags.BufferHint).Flags);
    }

    [Fact]
    public void Propagation_is_of_both_unless_it_is_narrowed()
    {
        Assert.True(ContextPropagationOptions.Default is { IsPropagateDeadline: true, IsPropagateCancellation: true });
        var narrowed = new ContextPropagationOptions(propagateDeadline: false);
        Assert.True(narrowed is { IsPropagateDeadline: false, IsPropagateCancellation: true });
    }
}
