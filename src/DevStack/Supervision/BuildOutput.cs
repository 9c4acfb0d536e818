using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace DevStack.Supervision;

/// <summary>A project as it was published (scripts/programs.proj). The stack runs copies: a build that overwrites a program's files
/// while it runs would pull them from under it, as .NET maps them into memory.</summary>
public sealed class BuildOutput(string source, string project)
{
    private readonly string _bin = Path.Combine(source, "artifacts", "programs", project);

    /// <summary>Changes with every build that changes something.</summary>
    /// <exception cref="StackException">It is not built.</exception>
    public string Digest()
    {
        var files = Files()
            .Select(f => string.Create(CultureInfo.InvariantCulture, $"{f.FullName} {f.Length} {f.LastWriteTimeUtc.Ticks}"))
            .Order(StringComparer.Ordinal);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', files))));
    }

    /// <exception cref="StackException">It is not built.</exception>
    public void CopyTo(string target)
    {
        var files = Files().ToList();
        if (Directory.Exists(target))
        {
            Directory.Delete(target, recursive: true);
        }
        foreach (var file in files)
        {
            var copy = Path.Combine(target, Path.GetRelativePath(_bin, file.FullName));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            file.CopyTo(copy);
        }
    }

    private IEnumerable<FileInfo> Files() => File.Exists(Path.Combine(_bin, project + ".dll"))
        ? new DirectoryInfo(_bin).EnumerateFiles("*", SearchOption.AllDirectories)
        : throw new StackException($"{project} is not built: {_bin} holds no {project}.dll");
}
