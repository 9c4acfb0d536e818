using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Auctions.Feed.Tests.References;

/// <summary>The types of one assembly, with the members that another assembly may use, by their exact spelling.</summary>
internal sealed class ProvidedTypes
{
    private readonly Dictionary<string, ProvidedType> types = [];

    public ProvidedTypes(byte[] image)
    {
        using var file = new PEReader(new MemoryStream(image));
        var reader = file.GetMetadataReader();
        AssemblyName = reader.GetString(reader.GetAssemblyDefinition().Name);
        foreach (var handle in reader.TypeDefinitions)
        {
            types.Add(SignatureNames.NameOf(reader, handle), Describe(reader, handle));
        }
    }

    public string AssemblyName { get; }

    public bool Has(string type) => types.TryGetValue(type, out var found) && found.IsVisible;

    /// <summary>Whether the type, or one that it derives from in this assembly, has the member.</summary>
    public bool Has(string type, string member)
    {
        for (var name = type; name is not null && types.TryGetValue(name, out var found); name = found.Base)
        {
            if (found.Members.Contains(member))
            {
                return true;
            }
        }

        return false;
    }

    private static ProvidedType Describe(MetadataReader reader, TypeDefinitionHandle handle)
    {
        var type = reader.GetTypeDefinition(handle);
        var members = new HashSet<string>();
        foreach (var method in type.GetMethods().Select(reader.GetMethodDefinition))
        {
            if ((method.Attributes & MethodAttributes.MemberAccessMask)
                is MethodAttributes.Public or MethodAttributes.Family or MethodAttributes.FamORAssem)
            {
                members.Add(
                    $"{reader.GetString(method.Name)}: {SignatureNames.Spell(method.DecodeSignature(SignatureNames.Instance, null))}");
            }
        }

        foreach (var field in type.GetFields().Select(reader.GetFieldDefinition))
        {
            if ((field.Attributes & FieldAttributes.FieldAccessMask)
                is FieldAttributes.Public or FieldAttributes.Family or FieldAttributes.FamORAssem)
            {
                members.Add($"{reader.GetString(field.Name)}: {field.DecodeSignature(SignatureNames.Instance, null)}");
            }
        }

        return new ProvidedType(IsVisible(reader, handle), BaseOf(reader, type), members);
    }

    private static bool IsVisible(MetadataReader reader, TypeDefinitionHandle handle)
    {
        var type = reader.GetTypeDefinition(handle);
        return (type.Attributes & TypeAttributes.VisibilityMask) switch
        {
            TypeAttributes.Public => true,
            TypeAttributes.NestedPublic or TypeAttributes.NestedFamily or TypeAttributes.NestedFamORAssem =>
                IsVisible(reader, type.GetDeclaringType()),
            _ => false,
        };
    }

    private static string? BaseOf(MetadataReader reader, TypeDefinition type) => type.BaseType switch
    {
        { IsNil: true } => null,
        { Kind: HandleKind.TypeDefinition } handle => SignatureNames.NameOf(reader, (TypeDefinitionHandle)handle),
        { Kind: HandleKind.TypeReference } handle => SignatureNames.NameOf(reader, (TypeReferenceHandle)handle),
        var handle => AssemblyReferences.GenericTypeOf(reader, (TypeSpecificationHandle)handle) is { IsNil: false } generic
            ? generic.Kind == HandleKind.TypeDefinition
                ? SignatureNames.NameOf(reader, (TypeDefinitionHandle)generic)
                : SignatureNames.NameOf(reader, (TypeReferenceHandle)generic)
            : null,
    };

    private sealed record ProvidedType(bool IsVisible, string? Base, HashSet<string> Members);
}
