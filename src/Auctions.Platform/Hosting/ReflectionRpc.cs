using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Reflection.V1;
using Microsoft.Extensions.Hosting;
using V1Alpha = Grpc.Reflection.V1Alpha;

namespace Auctions.Platform.Hosting;

/// <summary>Answers what grpcurl and its like ask: which services are here, and what their messages look like.</summary>
public sealed class DescriptorPool
{
    private readonly Lazy<(Dictionary<string, FileDescriptor> Files, Dictionary<string, FileDescriptor> Symbols)> _index;
    private readonly GrpcServices _services;

    public DescriptorPool(GrpcServices services)
    {
        _services = services;
        _index = new(() => Index(services.All));
    }

    public ServerReflectionResponse Answer(ServerReflectionRequest request)
    {
        var answer = new ServerReflectionResponse { ValidHost = request.Host, OriginalRequest = request };
        var (files, symbols) = _index.Value;
        switch (request.MessageRequestCase)
        {
            case ServerReflectionRequest.MessageRequestOneofCase.ListServices:
                answer.ListServicesResponse = new ListServiceResponse();
                answer.ListServicesResponse.Service.AddRange(_services.All.Select(s => new ServiceResponse { Name = s.FullName }));
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.FileByFilename when files.TryGetValue(request.FileByFilename, out var named):
                answer.FileDescriptorResponse = Describe(named);
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.FileContainingSymbol
                when symbols.TryGetValue(request.FileContainingSymbol, out var holding):
                answer.FileDescriptorResponse = Describe(holding);
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.AllExtensionNumbersOfType
                when symbols.ContainsKey(request.AllExtensionNumbersOfType):
                // proto3 knows no extensions: the empty list is the answer.
                answer.AllExtensionNumbersResponse = new ExtensionNumberResponse { BaseTypeName = request.AllExtensionNumbersOfType };
                break;
            case ServerReflectionRequest.MessageRequestOneofCase.None:
                answer.ErrorResponse = new ErrorResponse { ErrorCode = (int)StatusCode.InvalidArgument, ErrorMessage = "message_request is not set." };
                break;
            default:
                answer.ErrorResponse = new ErrorResponse { ErrorCode = (int)StatusCode.NotFound, ErrorMessage = "Not known here." };
                break;
        }

        return answer;
    }

    private static FileDescriptorResponse Describe(FileDescriptor file)
    {
        var response = new FileDescriptorResponse();
        response.FileDescriptorProto.AddRange(WithDependencies(file).Distinct().Select(f => f.SerializedData));
        return response;
    }

    private static IEnumerable<FileDescriptor> WithDependencies(FileDescriptor file) =>
        file.Dependencies.SelectMany(WithDependencies).Prepend(file);

    private static (Dictionary<string, FileDescriptor>, Dictionary<string, FileDescriptor>) Index(IEnumerable<ServiceDescriptor> services)
    {
        var files = services.SelectMany(s => WithDependencies(s.File)).DistinctBy(f => f.Name).ToDictionary(f => f.Name);
        var symbols = new Dictionary<string, FileDescriptor>(StringComparer.Ordinal);
        foreach (var file in files.Values)
        {
            foreach (var symbol in SymbolsOf(file)) symbols.TryAdd(symbol, file);
        }

        return (files, symbols);
    }

    private static IEnumerable<string> SymbolsOf(FileDescriptor file) =>
        file.Services.SelectMany(s => s.Methods.Select(m => m.FullName).Prepend(s.FullName))
            .Concat(file.MessageTypes.SelectMany(SymbolsOf))
            .Concat(file.EnumTypes.Select(e => e.FullName));

    private static IEnumerable<string> SymbolsOf(MessageDescriptor message) =>
        message.NestedTypes.SelectMany(SymbolsOf)
            .Concat(message.EnumTypes.Select(e => e.FullName))
            .Concat(message.Fields.InDeclarationOrder().Select(f => f.FullName))
            .Prepend(message.FullName);
}

/// <summary>grpc.reflection.v1.</summary>
[Public]
public sealed class ReflectionRpc(DescriptorPool pool, IHostApplicationLifetime lifetime) : ServerReflection.ServerReflectionBase
{
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<ServerReflectionRequest> requests, IServerStreamWriter<ServerReflectionResponse> responses, ServerCallContext context)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        while (await requests.MoveNext(ending.Token))
            await responses.WriteAsync(pool.Answer(requests.Current), context.CancellationToken);
    }
}

/// <summary>grpc.reflection.v1alpha, which older tools speak: the same on the wire.</summary>
[Public]
public sealed class ReflectionAlphaRpc(DescriptorPool pool, IHostApplicationLifetime lifetime)
    : V1Alpha.ServerReflection.ServerReflectionBase
{
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<V1Alpha.ServerReflectionRequest> requests,
        IServerStreamWriter<V1Alpha.ServerReflectionResponse> responses,
        ServerCallContext context)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        while (await requests.MoveNext(ending.Token))
        {
            var answer = pool.Answer(ServerReflectionRequest.Parser.ParseFrom(requests.Current.ToByteString()));
            await responses.WriteAsync(V1Alpha.ServerReflectionResponse.Parser.ParseFrom(answer.ToByteString()), context.CancellationToken);
        }
    }
}
