using Grpc.Core;

namespace Auctions.Feed.Tests.Grpc;

/// <summary>What the service does before it answers, and what it saw: set and read by a test.</summary>
internal sealed class EchoBehaviour
{
    /// <summary>Runs before any answer of any method.</summary>
    public Func<ServerCallContext, Task> BeforeAnswer { get; set; } = _ => Task.CompletedTask;
}

/// <summary>The echo service: see echo.proto.</summary>
internal sealed class EchoService(EchoBehaviour behaviour) : Echo.EchoBase
{
    public override async Task<EchoReply> Unary(EchoRequest request, ServerCallContext context)
    {
        await behaviour.BeforeAnswer(context);
        return new EchoReply { Text = request.Text };
    }

    public override async Task ServerStream(
        EchoRequest request, IServerStreamWriter<EchoReply> responseStream, ServerCallContext context)
    {
        await behaviour.BeforeAnswer(context);
        for (var i = 0; i < request.Count; i++)
        {
            await responseStream.WriteAsync(new EchoReply { Text = request.Text }, context.CancellationToken);
        }
    }

    public override async Task<EchoReply> ClientStream(
        IAsyncStreamReader<EchoRequest> requestStream, ServerCallContext context)
    {
        await behaviour.BeforeAnswer(context);
        var texts = new List<string>();
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            texts.Add(request.Text);
        }

        return new EchoReply { Text = string.Join(',', texts) };
    }

    public override async Task Duplex(
        IAsyncStreamReader<EchoRequest> requestStream,
        IServerStreamWriter<EchoReply> responseStream,
        ServerCallContext context)
    {
        await behaviour.BeforeAnswer(context);
        await foreach (var request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            await responseStream.WriteAsync(new EchoReply { Text = request.Text }, context.CancellationToken);
        }
    }
}
