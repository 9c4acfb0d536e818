using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Auctions.V1;
using Google.Protobuf.Reflection;
using Google.Rpc;

namespace Auctions.Grpc;

/// <summary>
/// Loads the descriptors of all messages before anything uses this assembly. Google.Protobuf loads the descriptors of a
/// file when they are first used, and then writes to collections that files share, without a lock. Two threads that use
/// two files for the first time at once can corrupt them, and every error of the process would fail from then on.
/// </summary>
internal static class Descriptors
{
    /// <summary>The files of the contract depend on all others but those of the errors.</summary>
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "No call of a host can come before every other use.")]
    internal static void Load()
    {
        foreach (var load in (Func<FileDescriptor>[])
            [
                () => ErrorDetailsReflection.Descriptor, () => StatusReflection.Descriptor,
                () => TypesReflection.Descriptor, () => AuctionReflection.Descriptor,
                () => BiddingReflection.Descriptor, () => StreamReflection.Descriptor,
            ])
        {
            load();
        }
    }
}
