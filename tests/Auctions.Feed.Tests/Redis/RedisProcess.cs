using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Auctions.Feed.Tests.Redis;

/// <summary>A redis-server of this test's own, on a port of its own, with TLS or without.</summary>
internal sealed class RedisProcess : IDisposable
{
    private readonly string _dir = Directory.CreateTempSubdirectory("feed-redis-").FullName;
    private readonly bool _tls;
    private Process _process;

    public RedisProcess(bool tls = false)
    {
        _tls = tls;
        Port = FreePort();
        if (tls) WriteCertificate();
        _process = Launch();
    }

    public int Port { get; }

    /// <summary>Starts again after <see cref="Kill"/>, with nothing in it.</summary>
    public void Start() => _process = Launch();

    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    public void Dispose()
    {
        Kill();
        Directory.Delete(_dir, recursive: true);
    }

    private Process Launch()
    {
        string[] listen = _tls
            ? ["--port", "0", "--tls-port", $"{Port}", "--tls-cert-file", Path("cert.pem"), "--tls-key-file", Path("key.pem"),
                "--tls-ca-cert-file", Path("cert.pem"), "--tls-auth-clients", "no"]
            : ["--port", $"{Port}"];
        return Process.Start(new ProcessStartInfo(
            "redis-server", [.. listen, "--bind", "127.0.0.1", "--save", "", "--dir", _dir, "--logfile", Path("log")]))!;
    }

    private string Path(string name) => System.IO.Path.Combine(_dir, name);

    private void WriteCertificate()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        File.WriteAllText(Path("cert.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(Path("key.pem"), key.ExportPkcs8PrivateKeyPem());
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
