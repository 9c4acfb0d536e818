using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;

namespace DevStack.Supervision;

/// <summary>Who listens where: <c>endpoints.json</c>, a name to "host:port". It is also the memory of which
/// ports were chosen, so that addresses stay the same from one <c>up</c> to the next.</summary>
public sealed class Endpoints(string file)
{
    // Under the range from which the kernel takes the ports of outgoing connections (32768 and up):
    // one of ours is not lost to a chance connection while its part is down.
    private const int FirstPort = 20_000;
    private const int PortCount = 12_000;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, string> _addresses = File.Exists(file)
        ? JsonSerializer.Deserialize<SortedDictionary<string, string>>(File.ReadAllText(file))!
        : [];

    /// <summary>The address of an endpoint, "host:port".</summary>
    public string this[string name]
    {
        get
        {
            lock (_lock)
            {
                return _addresses.TryGetValue(name, out var address)
                    ? address
                    : throw new StackException($"{name} has no address yet: it was never started");
            }
        }
    }

    public int Port(string name) => IPEndPoint.Parse(this[name]).Port;

    public string? Find(string name)
    {
        lock (_lock)
        {
            return _addresses.GetValueOrDefault(name);
        }
    }

    /// <summary>Gives an endpoint the port that it had, or a free one if it had none or somebody has taken it.</summary>
    public void Reserve(string name)
    {
        lock (_lock)
        {
            if (_addresses.TryGetValue(name, out var known) && IsFree(IPEndPoint.Parse(known).Port))
            {
                return;
            }
            var others = _addresses.Where(a => a.Key != name).Select(a => IPEndPoint.Parse(a.Value).Port).ToHashSet();
            var start = RandomNumberGenerator.GetInt32(PortCount);
            var port = Enumerable.Range(0, PortCount).Select(i => FirstPort + (start + i) % PortCount)
                .First(p => !others.Contains(p) && IsFree(p));
            Set(name, $"127.0.0.1:{port}");
        }
    }

    public void Set(string name, string address)
    {
        lock (_lock)
        {
            _addresses[name] = address;
            var next = file + ".new";
            File.WriteAllText(next, JsonSerializer.Serialize(_addresses, Indented) + "\n");
            File.Move(next, file, overwrite: true);
        }
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
