using System.Security.Cryptography;
using System.Text;

namespace DevStack.Supervision;

/// <summary>The directory of a stack: pid files, logs, addresses, secrets and data. Two stacks with different
/// directories do not see each other.</summary>
public sealed class RunDirectory
{
    public RunDirectory(string root)
    {
        Root = Path.GetFullPath(root);
        Directory.CreateDirectory(Root);
        Endpoints = new Endpoints(Path.Combine(Root, "endpoints.json"));
        Secrets = Secrets.LoadOrCreate(Path.Combine(Root, "secrets.json"));
    }

    public string Root { get; }
    public Endpoints Endpoints { get; }
    public Secrets Secrets { get; }

    private string LockFile => Path.Combine(Root, "lock");

    public string PidFile(string part) => Path.Combine(Root, part + ".pid");
    public string StartFile(string part) => Path.Combine(Root, part + ".start");
    public string LogFile(string part) => Path.Combine(Root, part + ".log");
    public string DataDirectory(string part) => Path.Combine(Root, part);

    /// <summary>Where Postgres' data lies if its user cannot reach into <see cref="Root"/>: a checkout under /root, say.</summary>
    public string ElsewhereForPostgres =>
        "/var/tmp/auctions-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Root)))[..16];

    /// <summary>Where a part runs its programs from: see <see cref="BuildOutput"/>.</summary>
    public string Programs(string part) => Path.Combine(Root, "programs", part);

    /// <summary>What a part's process was started from: its command line, its environment and what these rest on. If that
    /// is no longer what it should be, <c>up</c> starts it anew. Holds secrets, so only a digest is ever written.</summary>
    public static string LaunchDigest(Launch launch, IEnumerable<string> basis)
    {
        var words = launch.Command.Concat(launch.Environment.OrderBy(e => e.Key, StringComparer.Ordinal)
            .Select(e => $"{e.Key}={e.Value}")).Concat(basis);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', words))))[..32];
    }

    /// <summary>Forgets everything but the addresses, the secrets, and other stacks' directories in this one.</summary>
    public async Task RemoveDataAsync(CancellationToken cancellationToken)
    {
        string[] kept = [Path.Combine(Root, "endpoints.json"), Path.Combine(Root, "secrets.json"), LockFile];
        foreach (var entry in Directory.EnumerateFileSystemEntries(Root).Except(kept).ToList())
        {
            if (File.Exists(Path.Combine(entry, Path.GetFileName(LockFile))))
            {
                continue;
            }
            // Postgres' data may lie elsewhere, with a link to it here.
            var target = Directory.ResolveLinkTarget(entry, returnFinalTarget: true)?.FullName;
            var data = target == ElsewhereForPostgres ? target : entry;
            await SystemCommand.RunAsync(["rm", "-rf", "--", data, entry], "", cancellationToken);
        }
    }

    /// <summary>Excludes another <c>up</c> or <c>down</c> of the same stack.</summary>
    /// <exception cref="StackException">One is at work.</exception>
    public IDisposable Lock()
    {
        try
        {
            return new FileStream(LockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new StackException($"another up or down is at work in {Root} ({e.Message})");
        }
    }
}
