using DevStack.Supervision;

namespace Auctions.StackTests;

/// <summary>The whole stack: every test finds it up, and leaves it up.</summary>
public sealed class WholeStackTests(WholeStack stack) : IClassFixture<WholeStack>
{
    private static readonly string[] Names =
        ["postgres", "redis", "kafka", "relay", "bidding", "auction", "updater", "gateway"];

    [Fact]
    public async Task Everything_is_ready_and_every_address_is_known()
    {
        var status = await stack.StatusAsync();

        Assert.Equal(Names, status.Select(part => part.Name));
        Assert.All(status, part => Assert.Equal("ready", part.State));
        var endpoints = new Endpoints(Path.Combine(stack.Run.Root, "endpoints.json"));
        Assert.All(["bidding", "auction", "gateway", "gateway_web", "redis", "postgres", "kafka"],
            name => Assert.StartsWith("127.0.0.1:", endpoints[name]));
    }

    [Fact]
    public async Task Up_again_changes_nothing()
    {
        var before = await stack.StatusAsync();

        var (code, output) = await stack.DevStackAsync("up");
        Assert.True(code == 0, output);
        Assert.Equal(before, await stack.StatusAsync());
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
    public async Task What_was_killed_comes_back(string name, params string[] restartedWithIt)
    {
        var before = await stack.StatusAsync();
        Signals.Send(before.Single(part => part.Name == name).Pid, Signals.Kill);
        await Bounded.UntilAsync(() => PartProcess.Find(stack.Run, name) is null, $"{name} has ended");

        var (code, output) = await stack.DevStackAsync("up");
        Assert.True(code == 0, output);
        var after = await stack.StatusAsync();
        Assert.All(after, part => Assert.Equal("ready", part.State));
        Assert.Equal([name, .. restartedWithIt], after.Except(before).Select(part => part.Name));
    }

    [Fact]
    public async Task Down_leaves_no_process_and_the_data_survives()
    {
        await stack.SqlAsync("create table if not exists kept (n int); insert into kept values (42)");
        var running = await stack.StatusAsync();

        var (code, output) = await stack.DevStackAsync("down");
        Assert.True(code == 0, output);
        Assert.DoesNotContain(running, part => IsRunning(part.Pid));
        Assert.DoesNotContain("killed", output);
        Assert.Empty(ProcessesThatName(stack.Run.Root));

        (code, output) = await stack.DevStackAsync("up");
        Assert.True(code == 0, output);
        Assert.Equal(42, await stack.SqlAsync("select max(n) from kept"));
    }

    [Fact]
    public async Task Only_its_owner_can_read_the_secrets_and_no_command_line_shows_them()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite,
            File.GetUnixFileMode(Path.Combine(stack.Run.Root, "secrets.json")));
        var pids = (await stack.StatusAsync()).Select(part => part.Pid);
        var secrets = stack.Run.Secrets;
        Assert.All(pids, pid => Assert.DoesNotContain(
            [secrets.JwtKey, secrets.PostgresPassword, secrets.PostgresAdminPassword], File.ReadAllText($"/proc/{pid}/cmdline").Contains));
    }

    private static bool IsRunning(int pid) =>
        File.Exists($"/proc/{pid}/stat") && !File.ReadAllText($"/proc/{pid}/stat").Contains(") Z ");

    private static IEnumerable<string> ProcessesThatName(string directory)
    {
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), out _)))
        {
            string command;
            try
            {
                command = File.ReadAllText(Path.Combine(process, "cmdline"));
            }
            catch (IOException)
            {
                continue; // ended while it was looked at
            }
            if (command.Contains(directory)) yield return command;
        }
    }
}
