using System.Net;
using System.Net.Sockets;
using DevStack.Servers;
using DevStack.Supervision;

namespace Auctions.StackTests;

/// <summary>The whole stack. Every test finds it running and leaves it running.</summary>
public sealed class WholeStackTests(WholeStack stack) : IClassFixture<WholeStack>
{
    private static readonly string[] Names =
        ["postgres", "redis", "kafka", "relay", "bidding", "auction", "updater", "gateway"];

    [Fact]
    public void After_up_every_component_is_ready_and_every_address_is_known()
    {
        Assert.Equal(Names, stack.FirstStatus.Select(component => component.Name));
        Assert.All(stack.FirstStatus, component => Assert.Equal("ready", component.State));
        var endpoints = new Endpoints(Path.Combine(stack.Run.Root, "endpoints.json"));
        Assert.All(["bidding", "auction", "gateway", "gateway_web", "redis", "postgres", "kafka"],
            name => Assert.StartsWith("127.0.0.1:", endpoints[name]));
    }

    [Fact]
    public async Task A_second_up_changes_nothing()
    {
        var before = await stack.ReadyStatusAsync();

        var (code, output) = await stack.DevStackAsync("up");
        Assert.True(code == 0, output);
        Assert.Equal(before, await stack.ReadyStatusAsync());
    }

    [Theory]
    [InlineData("postgres")]
    [InlineData("redis")]
    [InlineData("kafka", "relay", "updater", "gateway")]
    [InlineData("relay")]
    [InlineData("bidding")]
    [InlineData("auction")]
    [InlineData("updater")]
    [InlineData("gateway")]
    public async Task Up_restarts_a_killed_component(string name, params string[] restartedWithIt)
    {
        string[] restarted = [name, .. restartedWithIt];
        var before = await stack.ReadyStatusAsync();
        Signals.Send(before.Single(component => component.Name == name).Pid, Signals.Kill);
        await Eventually.TrueAsync(() => ComponentProcess.Find(stack.Run, name) is null, $"{name} has ended");

        var (code, output) = await stack.DevStackAsync("up");
        Assert.True(code == 0, output);
        Assert.All((await stack.StatusAsync()).Where(component => restarted.Contains(component.Name)),
            component => Assert.Equal("ready", component.State));
        var after = await stack.ReadyStatusAsync();
        Assert.All(after, component => Assert.Equal("ready", component.State));
        Assert.Equal(restarted, after.Except(before).Select(component => component.Name));
    }

    [Fact]
    public async Task Down_leaves_no_process_and_keeps_the_data()
    {
        await stack.SqlAsync("create table if not exists kept (n int); insert into kept values (42)");
        var running = await stack.StatusAsync();

        var (code, output) = await stack.DevStackAsync("down");
        Assert.True(code == 0, output);
        Assert.DoesNotContain(running, component => LinuxProcess.IsRunning(component.Pid));
        Assert.DoesNotContain("killed", output);
        Assert.Empty(LinuxProcess.CommandLinesWith(stack.Run.Root));

        (code, output) = await stack.DevStackAsync("up");
        Assert.True(code == 0, output);
        Assert.Equal(42, await stack.SqlAsync("select max(n) from kept"));
    }

    [Fact]
    public async Task Only_the_owner_can_read_the_secrets_and_no_command_line_contains_them()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite,
            File.GetUnixFileMode(Path.Combine(stack.Run.Root, "secrets.json")));
        var pids = (await stack.StatusAsync()).Select(component => component.Pid);
        string[] secrets =
        [
            stack.Run.Secrets.JwtKey, stack.Run.Secrets.PostgresPassword, stack.Run.Secrets.PostgresAdminPassword,
            stack.Run.Secrets.RedisPassword,
        ];
        Assert.All(pids, pid => Assert.DoesNotContain(secrets, File.ReadAllText($"/proc/{pid}/cmdline").Contains));
    }

    [Fact]
    public async Task Redis_needs_the_password_and_only_the_owner_can_read_its_files()
    {
        var data = stack.Run.DataDirectory("redis");
        string[] all = [data, .. Directory.EnumerateFileSystemEntries(data, "*", SearchOption.AllDirectories)];
        Assert.Contains(all, path => path.Contains(".aof", StringComparison.Ordinal));
        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        Assert.All(all, path => Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(path) & others));

        var address = new Endpoints(Path.Combine(stack.Run.Root, "endpoints.json"))["redis"];
        await Eventually.TrueAsync(async () => // the sweep reads what is pending, so the services know the password
            (await Redis.SendAsync(stack.Run, address, "INFO commandstats", CancellationToken.None))
            .Contains("cmdstat_smembers:", StringComparison.Ordinal));
        using var stranger = new TcpClient();
        await stranger.ConnectAsync(IPEndPoint.Parse(address));
        await stranger.GetStream().WriteAsync("FLUSHALL\r\n"u8.ToArray());
        using var reader = new StreamReader(stranger.GetStream());
        Assert.StartsWith("-NOAUTH", await reader.ReadLineAsync(), StringComparison.Ordinal);
    }
}
