using Auctions.V1;
using Google.Protobuf;
using Grpc.Core;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace StreamGateway;

/// <summary>What generated code would be, but for the frames: those are shared, where it would serialise each anew for each viewer.</summary>
[BindServiceMethod(typeof(StreamBinding), nameof(StreamBinding.BindService))]
internal abstract class StreamRpcBase
{
    public abstract Task Watch(WatchRequest request, IServerStreamWriter<WatchFrame> frames, ServerCallContext context);
}

/// <summary>Binds the contract's <see cref="StreamService"/>; the gRPC server finds it by the attribute.</summary>
internal static class StreamBinding
{
    private static readonly Marshaller<WatchRequest> Requests = Marshallers.Create(
        static request => request.ToByteArray(), static bytes => WatchRequest.Parser.ParseFrom(bytes));

    private static readonly Method<WatchRequest, WatchFrame> Watch = new(
        MethodType.ServerStreaming, Descriptor.FullName, nameof(StreamRpcBase.Watch), Requests, WatchFrame.Marshaller);

    /// <summary>For health and reflection, as in generated code.</summary>
    public static ServiceDescriptor Descriptor => StreamService.Descriptor;

    /// <summary>Called with a null service, to find the methods, as in generated code.</summary>
    public static void BindService(ServiceBinderBase binder, StreamRpcBase? service) =>
        binder.AddMethod(Watch, service is null ? null : new ServerStreamingServerMethod<WatchRequest, WatchFrame>(service.Watch));
}
