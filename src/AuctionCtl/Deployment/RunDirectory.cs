using System.Text.Json;

namespace Auctions.Ctl.Deployment;

/// <summary>What the one-machine stack leaves in its run directory: addresses and secrets.</summary>
/// <param name="Endpoints">A name such as <c>bidding</c> to <c>host:port</c>.</param>
/// <param name="Secrets">A name such as <c>jwt_key</c> to its value.</param>
public sealed record RunDirectory(
    string Path, IReadOnlyDictionary<string, string> Endpoints, IReadOnlyDictionary<string, string> Secrets)
{
    /// <summary>Names the run directory, where no option does.</summary>
    public const string Variable = "AUCTIONS_RUN_DIR";

    /// <summary>Reads it; what is not there is empty.</summary>
    /// <exception cref="UnusableException">A file is there and is not what it should be.</exception>
    public static RunDirectory Read(string path) =>
        new(path, ReadFile(System.IO.Path.Combine(path, "endpoints.json")), ReadFile(System.IO.Path.Combine(path, "secrets.json")));

    /// <summary><c>AUCTIONS_RUN_DIR</c>, or <c>.run</c> of the source tree that this program was built in, or of the current directory.</summary>
    public static string Default()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named) return named;
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(System.IO.Path.Combine(root.FullName, "Auctions.sln"))) root = root.Parent;
        return System.IO.Path.Combine(root?.FullName ?? Environment.CurrentDirectory, ".run");
    }

    private static Dictionary<string, string> ReadFile(string file)
    {
        try
        {
            using var stream = File.OpenRead(file);
            return JsonSerializer.Deserialize<Dictionary<string, string>>(stream) ?? [];
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new UnusableException($"{file} cannot be read: {e.Message}");
        }
    }
}

/// <summary>What was asked for cannot be done as asked, or not now; the message says why and what to change. Exit code 2.</summary>
public sealed class UnusableException(string message) : Exception(message);
