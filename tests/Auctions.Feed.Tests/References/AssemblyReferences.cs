using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Auctions.Feed.Tests.References;

/// <summary>
/// What one assembly, the consumer, references in others, the providers, and which of that they lack. This is what the runtime would
/// find out call by call: a missing type or member, one with another signature, or one that is not accessible.
/// </summary>
/// <param name="Types">How many types of the providers the consumer references.</param>
/// <param name="Members">How many members of theirs.</param>
/// <param name="Unresolved">What the providers lack, one text each.</param>
internal sealed record AssemblyReferences(int Types, int Members, IReadOnlyList<string> Unresolved)
{
    private const byte GenericInstance = 0x15;

    /// <summary>Resolves by the files of assemblies.</summary>
    public static AssemblyReferences Resolve(string consumerPath, params string[] providerPaths) =>
        Resolve(File.ReadAllBytes(consumerPath), [.. providerPaths.Select(File.ReadAllBytes)]);

    /// <summary>Resolves by the images of assemblies.</summary>
    public static AssemblyReferences Resolve(byte[] consumer, params byte[][] providers)
    {
        var provided = providers.Select(image => new ProvidedTypes(image)).ToDictionary(types => types.AssemblyName);
        using var file = new PEReader(new MemoryStream(consumer));
        var reader = file.GetMetadataReader();
        var unresolved = new List<string>();

        var types = reader.TypeReferences.Where(handle => ProviderOf(reader, handle, provided) is not null).ToList();
        foreach (var handle in types)
        {
            var (provider, name) = (ProviderOf(reader, handle, provided)!, SignatureNames.NameOf(reader, handle));
            if (!provider.Has(name))
            {
                unresolved.Add($"[{provider.AssemblyName}] {name}");
            }
        }

        var members = 0;
        foreach (var member in reader.MemberReferences.Select(reader.GetMemberReference))
        {
            if (ParentOf(reader, member) is not { IsNil: false } parent || ProviderOf(reader, parent, provided) is not { } provider)
            {
                continue;
            }

            members++;
            var (type, text) = (SignatureNames.NameOf(reader, parent), Spell(reader, member));
            if (!provider.Has(type, text))
            {
                unresolved.Add($"[{provider.AssemblyName}] {type} :: {text}");
            }
        }

        return new AssemblyReferences(types.Count, members, unresolved);
    }

    /// <summary>The generic type that a specification instantiates, or nil where it is none: an array, say.</summary>
    internal static EntityHandle GenericTypeOf(MetadataReader reader, TypeSpecificationHandle handle)
    {
        var blob = reader.GetBlobReader(reader.GetTypeSpecification(handle).Signature);
        if (blob.ReadByte() != GenericInstance)
        {
            return default;
        }

        blob.ReadByte(); // class or value type
        return blob.ReadTypeHandle();
    }

    private static TypeReferenceHandle ParentOf(MetadataReader reader, MemberReference member)
    {
        var parent = member.Parent.Kind == HandleKind.TypeSpecification
            ? GenericTypeOf(reader, (TypeSpecificationHandle)member.Parent)
            : member.Parent;
        return parent.Kind == HandleKind.TypeReference ? (TypeReferenceHandle)parent : default;
    }

    private static ProvidedTypes? ProviderOf(
        MetadataReader reader, TypeReferenceHandle handle, Dictionary<string, ProvidedTypes> provided)
    {
        var scope = reader.GetTypeReference(handle).ResolutionScope;
        return scope.Kind switch
        {
            HandleKind.TypeReference => ProviderOf(reader, (TypeReferenceHandle)scope, provided),
            HandleKind.AssemblyReference => provided.GetValueOrDefault(
                reader.GetString(reader.GetAssemblyReference((AssemblyReferenceHandle)scope).Name)),
            _ => null,
        };
    }

    private static string Spell(MetadataReader reader, MemberReference member)
    {
        var name = reader.GetString(member.Name);
        return member.GetKind() == MemberReferenceKind.Field
            ? $"{name}: {member.DecodeFieldSignature(SignatureNames.Instance, null)}"
            : $"{name}: {SignatureNames.Spell(member.DecodeMethodSignature(SignatureNames.Instance, null))}";
    }
}
