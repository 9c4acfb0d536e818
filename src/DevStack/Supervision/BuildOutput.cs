using System.Security.Cryptography;
using System.Text;

namespace DevStack.Supervision;

/// <summary>
/// A published project (scripts/programs.proj). Components run copies of it: .NET maps its files into memory, so a
/// build that overwrites them would break a running program.
/// </summary>
public sealed class BuildOutput(string checkoutRoot, string project)
{
    private readonly string _directory = Path.Combine(checkoutRoot, "artifacts", "programs", project);

    /// <summary>Changes with every build that changes a file.</summary>
    /// <exception cref="StackException">It is not built.</exception>
    public string Digest()
    {
        var files = Files()
            .Select(f => $"{f.FullName} {f.Length} {f.LastWriteTimeUtc.Ticks}")
            .Order(StringComparer.Ordinal);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', files))));
    }

    /// <exception cref="StackException">It is not built.</exception>
    public void CopyTo(string target)
    {
        var files = Files().ToList();
        if (Directory.Exists(target)) Directory.Delete(target, recursive: true);
        foreach (var file in files)
        {
            var copy = Path.Combine(target, Path.GetRelativePath(_directory, file.FullName));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            file.CopyTo(copy);
        }
    }

    private IEnumerable<FileInfo> Files() => File.Exists(Path.Combine(_directory, project + ".dll"))
        ? new DirectoryInfo(_directory).EnumerateFiles("*", SearchOption.AllDirectories)
        : throw new StackException($"{project} is not built: {_directory} contains no {project}.dll");
}

/// <summary>The checkout from which the running program was built.</summary>
public static class Checkout
{
    /// <exception cref="StackException">The program is not inside a checkout.</exception>
    public static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Auctions.sln")))
        {
            directory = directory.Parent;
        }

        return directory?.FullName
            ?? throw new StackException("this program is not inside a checkout (no Auctions.sln above it)");
    }
}
