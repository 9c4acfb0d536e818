using System.Net;
using System.Net.Sockets;
using DevStack.Supervision;

namespace Auctions.StackTests;

public sealed class EndpointsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("auctions-endpoints-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_port_stays_the_same_from_one_start_to_the_next()
    {
        var first = Load();
        first.Reserve("redis");
        var second = Load();
        second.Reserve("redis");

        Assert.Equal(first["redis"], second["redis"]);
    }

    [Fact]
    public void A_port_that_another_program_uses_is_replaced()
    {
        var endpoints = Load();
        endpoints.Reserve("redis");
        var taken = endpoints.Port("redis");
        using var other = new TcpListener(IPAddress.Loopback, taken);
        other.Start();
        endpoints.Reserve("redis");

        Assert.NotEqual(taken, endpoints.Port("redis"));
    }

    [Fact]
    public void Ports_are_below_those_of_outgoing_connections()
    {
        var endpoints = Load();
        endpoints.Reserve("redis");

        Assert.InRange(endpoints.Port("redis"), 1024, 32_767);
    }

    [Fact]
    public void The_error_for_an_unknown_address_names_the_endpoint() =>
        Assert.Contains("kafka", Assert.Throws<StackException>(() => Load()["kafka"]).Message);

    [Fact]
    public void Secrets_are_generated_once_and_only_the_owner_can_read_them()
    {
        var file = Path.Combine(_directory, "secrets.json");
        var first = Secrets.LoadOrCreate(file);

        Assert.Equal(first, Secrets.LoadOrCreate(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Equal(32, Convert.FromBase64String(first.JwtKey).Length);
    }

    [Fact]
    public void Secrets_of_a_version_without_a_password_for_Redis_get_one_and_keep_the_others()
    {
        var file = Path.Combine(_directory, "secrets.json");
        File.WriteAllText(
            file, """{ "jwt_key": "AAAA", "postgres_password": "p", "postgres_admin_password": "a" }""");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);

        var secrets = Secrets.LoadOrCreate(file);

        Assert.Equal(("AAAA", "p", "a"), (secrets.JwtKey, secrets.PostgresPassword, secrets.PostgresAdminPassword));
        Assert.Equal(32, secrets.RedisPassword.Length);
        Assert.Equal(secrets, Secrets.LoadOrCreate(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    private Endpoints Load() => new(Path.Combine(_directory, "endpoints.json"));
}
