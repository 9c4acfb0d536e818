using System.Reflection;

namespace Auctions.Feed.Tests.References;

/// <summary>
/// What metadata references do not show: whether what a consumer overrides is there to be overridden. The runtime takes an override
/// without a base for a new method, silently, so it would never be called.
/// </summary>
internal static class Overrides
{
    /// <summary>
    /// The methods of the consumer that override nothing though they were compiled to. Loading the types, on the way, fails on an
    /// abstract or interface member without an implementation, and on other generic constraints than the base has.
    /// </summary>
    public static IReadOnlyList<string> WithoutBase(Assembly consumer, params Assembly[] providers)
    {
        const BindingFlags declared =
            BindingFlags.DeclaredOnly | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
        return
        [
            .. from type in consumer.GetTypes()
               where BasesOf(type).Any(ancestor => providers.Contains(ancestor.Assembly))
               from method in type.GetMethods(declared)
               where method.IsVirtual && (method.Attributes & MethodAttributes.NewSlot) == 0
               where method.GetBaseDefinition().DeclaringType == type
               select $"{type.FullName} :: {method}",
        ];
    }

    private static IEnumerable<Type> BasesOf(Type type)
    {
        for (var ancestor = type.BaseType; ancestor is not null; ancestor = ancestor.BaseType)
        {
            yield return ancestor;
        }
    }
}
