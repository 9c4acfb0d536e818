using Auctions.Ctl.Deployment;

namespace Auctions.UnitTests.Ctl;

public sealed class RunDirectoryTests : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("auctionctl-").FullName;

    public void Dispose() => Directory.Delete(_path, recursive: true);

    [Fact]
    public void Addresses_and_secrets_are_read_by_name()
    {
        Write("endpoints.json", """{ "bidding": "127.0.0.1:1234" }""");
        Write("secrets.json", """{ "jwt_key": "AAAA" }""");

        var run = RunDirectory.Read(_path);

        Assert.Equal(("127.0.0.1:1234", "AAAA"), (run.Endpoints["bidding"], run.Secrets["jwt_key"]));
    }

    [Fact]
    public void What_is_not_there_is_empty()
    {
        var run = RunDirectory.Read(Path.Combine(_path, "none"));

        Assert.Empty(run.Endpoints);
        Assert.Empty(run.Secrets);
    }

    [Fact]
    public void A_damaged_file_is_named()
    {
        Write("endpoints.json", "{ bidding");

        Assert.Contains("endpoints.json", Assert.Throws<UnusableException>(() => RunDirectory.Read(_path)).Message, StringComparison.Ordinal);
    }

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(_path, file), text);
}
