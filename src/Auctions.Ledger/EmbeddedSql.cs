using System.Reflection;

namespace Auctions.Ledger;

/// <summary>The files under <c>Sql/</c> and <c>Migrations/</c>, which are part of the assembly.</summary>
internal static class EmbeddedSql
{
    private const string Root = "Auctions.Ledger.";

    /// <summary>A statement by its file's name: <c>append</c> is <c>Sql/append.sql</c>.</summary>
    public static string Statement(string name) => Read($"{Root}Sql.{name}.sql");

    /// <summary>The migrations' file names, such as <c>0001_auctions.sql</c>, in order, and their texts.</summary>
    public static IEnumerable<(string FileName, string Text)> Migrations()
    {
        const string folder = Root + "Migrations.";
        return Assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(folder, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(n => (n[folder.Length..], Read(n)));
    }

    private static Assembly Assembly => typeof(EmbeddedSql).Assembly;

    /// <summary>With the line ends of the repository, whatever the checkout made of them: checksums hang on it.</summary>
    private static string Read(string resource)
    {
        using var stream = Assembly.GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"The assembly has no resource {resource}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
