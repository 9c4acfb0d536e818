using System.Reflection;
using Google.Protobuf.Reflection;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Routing;

namespace Auctions.Platform.Hosting;

/// <summary>The gRPC services that this process offers: what health and reflection speak of.</summary>
public sealed class GrpcServices(EndpointDataSource endpoints)
{
    private readonly Lazy<ServiceDescriptor[]> _services = new(() => Find(endpoints));

    /// <summary>In order of their names. Asked for once the application has been mapped.</summary>
    public IReadOnlyList<ServiceDescriptor> All => _services.Value;

    public bool Offers(string fullName) => All.Any(s => s.FullName == fullName);

    private static ServiceDescriptor[] Find(EndpointDataSource endpoints) =>
    [
        .. endpoints.Endpoints
            .Select(e => e.Metadata.GetMetadata<GrpcMethodMetadata>()?.ServiceType)
            .OfType<Type>().Distinct()
            .Select(DescriptorOf)
            .OrderBy(d => d.FullName, StringComparer.Ordinal),
    ];

    /// <summary>Generated code puts the descriptor into the class that the service's base class names.</summary>
    private static ServiceDescriptor DescriptorOf(Type service)
    {
        var bind = service.GetCustomAttribute<BindServiceMethodAttribute>(inherit: true);
        var property = bind?.BindType.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static);
        return property?.GetValue(null) as ServiceDescriptor
            ?? throw new InvalidOperationException($"{service.FullName} is not derived from a generated service base class.");
    }
}
