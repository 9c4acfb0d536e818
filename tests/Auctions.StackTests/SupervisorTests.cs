using System.Diagnostics;
using DevStack.Supervision;

namespace Auctions.StackTests;

/// <summary>The supervisor with small shell scripts as components.</summary>
public sealed class SupervisorTests : IAsyncLifetime
{
    private readonly RunDirectory _run = new(Directory.CreateTempSubdirectory("auctions-supervisor-").FullName);
    private readonly List<string> _output = [];
    private readonly List<Component> _components = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await Supervisor().DownAsync();
        Directory.Delete(_run.Root, recursive: true);
    }

    [Fact]
    public async Task A_component_starts_after_its_dependencies_are_ready()
    {
        _components.Add(Script("first", "sleep 0.3; touch first.ready; exec sleep 600"));
        _components.Add(Script("second", "ls first.ready >second.saw; touch second.ready; exec sleep 600", "first"));

        Assert.True(await UpAsync());
        Assert.Equal("first.ready\n", await File.ReadAllTextAsync(InRun("second.saw")));
    }

    [Fact]
    public async Task Up_leaves_a_running_component_alone()
    {
        _components.Add(Script("one", "touch one.ready; exec sleep 600"));
        Assert.True(await UpAsync());
        var pid = Pid("one");

        Assert.True(await UpAsync());
        Assert.Equal(pid, Pid("one"));
    }

    [Fact]
    public async Task Up_restarts_a_dead_component_and_no_other()
    {
        _components.Add(Script("one", "touch one.ready; exec sleep 600"));
        _components.Add(Script("two", "touch two.ready; exec sleep 600", "one"));
        Assert.True(await UpAsync());
        var (one, two) = (Pid("one"), Pid("two"));
        await KillAsync("one");

        Assert.True(await UpAsync());
        Assert.NotEqual(one, Pid("one"));
        Assert.Equal(two, Pid("two"));
    }

    [Fact]
    public async Task Up_restarts_a_component_whose_command_line_has_changed()
    {
        _components.Add(Script("one", "touch one.ready; exec sleep 600"));
        Assert.True(await UpAsync());
        var before = Pid("one");
        _components[0] = Script("one", "touch one.ready; exec sleep 601");

        Assert.True(await UpAsync());
        Assert.NotEqual(before, Pid("one"));
        Assert.False(LinuxProcess.IsRunning(before));
    }

    [Fact]
    public async Task A_component_restarts_with_one_that_keeps_its_data_in_memory()
    {
        _components.Add(Script("memory", "touch memory.ready; exec sleep 600"));
        var dependent = Script("reader", "touch reader.ready; exec sleep 600", "memory");
        _components.Add(dependent with { RestartsWith = ["memory"] });
        Assert.True(await UpAsync());
        var reader = Pid("reader");
        await KillAsync("memory");

        Assert.True(await UpAsync());
        Assert.NotEqual(reader, Pid("reader"));
    }

    [Fact]
    public async Task A_failing_component_is_reported_with_the_end_of_its_log_and_its_dependents_do_not_start()
    {
        _components.Add(Script("broken", "echo port taken >&2; exit 1"));
        _components.Add(Script("dependent", "touch dependent.ready; exec sleep 600", "broken"));
        _components.Add(Script("other", "touch other.ready; exec sleep 600"));

        Assert.False(await UpAsync());
        Assert.Contains(_output, line => line.Contains("broken") && line.Contains("FAILED"));
        Assert.Contains(_output, line => line.Contains("port taken"));
        Assert.Contains(_output, line => line.Contains("dependent") && line.Contains("not started"));
        Assert.Equal([ComponentState.Died, ComponentState.Stopped, ComponentState.Ready], await StatesAsync());
    }

    [Fact]
    public async Task A_failure_is_reported_without_the_log_of_an_earlier_start()
    {
        _components.Add(Script("one", "echo the first time; touch one.ready; exec sleep 600"));
        Assert.True(await UpAsync());
        await Supervisor().DownAsync();
        _components[0] = Script("one", "echo the second time; exit 1");

        Assert.False(await UpAsync());
        Assert.Contains(_output, line => line.Contains("the second time"));
        Assert.DoesNotContain(_output, line => line.Contains("the first time"));
    }

    [Fact]
    public async Task A_component_that_is_not_ready_in_time_fails()
    {
        _components.Add(Script("slow", "exec sleep 600") with { ReadyWithin = TimeSpan.FromMilliseconds(200) });

        Assert.False(await UpAsync());
        Assert.Contains(_output, line => line.Contains("slow") && line.Contains("not ready within 0.2 s"));
        Assert.Equal([ComponentState.Unready], await StatesAsync());
    }

    [Fact]
    public async Task Down_stops_dependents_first_and_lets_each_finish()
    {
        const string work = "touch $0.ready; while :; do sleep 0.05; done";
        _components.Add(Script("below", "trap 'echo $0 >>stopped; exit' TERM; " + work));
        _components.Add(Script("above", "trap 'sleep 0.3; echo $0 >>stopped; exit' TERM; " + work, "below"));
        Assert.True(await UpAsync());

        await Supervisor().DownAsync();
        Assert.Equal("above\nbelow\n", await File.ReadAllTextAsync(InRun("stopped")));
        Assert.Equal([ComponentState.Stopped, ComponentState.Stopped], await StatesAsync());
    }

    [Fact]
    public async Task A_component_that_does_not_stop_in_time_is_killed()
    {
        var deaf = Script("deaf", "trap '' TERM; touch deaf.ready; while :; do sleep 0.05; done");
        _components.Add(deaf with { StopWithin = TimeSpan.FromMilliseconds(300) });
        Assert.True(await UpAsync());
        var pid = Pid("deaf");

        await Supervisor().DownAsync();
        Assert.False(LinuxProcess.IsRunning(pid));
        Assert.Contains(_output, line => line.Contains("killed"));
    }

    [Fact]
    public async Task Another_process_with_the_id_of_a_dead_component_is_left_alone()
    {
        _components.Add(Script("one", "touch one.ready; exec sleep 600"));
        Assert.True(await UpAsync());
        await KillAsync("one");
        using var stranger = Process.Start("sleep", "600");
        await File.WriteAllTextAsync(_run.PidFile("one"), $"{stranger.Id}\n");
        try
        {
            Assert.Equal([ComponentState.Died], await StatesAsync());
            await Supervisor().DownAsync();
            Assert.True(LinuxProcess.IsRunning(stranger.Id));
        }
        finally
        {
            stranger.Kill();
        }
    }

    [Fact]
    public async Task A_component_has_a_session_of_its_own()
    {
        _components.Add(Script("one", "touch one.ready; exec sleep 600"));
        Assert.True(await UpAsync());

        var afterName = (await File.ReadAllTextAsync($"/proc/{Pid("one")}/stat")).Split(") ")[^1].Split(' ');
        Assert.Equal($"{Pid("one")}", afterName[3]);
    }

    [Fact]
    public void A_second_lock_on_the_same_directory_is_refused()
    {
        using var first = _run.Lock();
        Assert.Contains(_run.Root, Assert.Throws<StackException>(_run.Lock).Message);
    }

    private Supervisor Supervisor() => new(_run, _components, checkoutRoot: _run.Root, TimeProvider.System, line =>
    {
        lock (_output) _output.Add(line);
    });

    private Task<bool> UpAsync() => Supervisor().UpAsync(CancellationToken.None);

    private async Task<List<ComponentState>> StatesAsync() =>
        (await Supervisor().StatusAsync(CancellationToken.None)).Select(s => s.State).ToList();

    private string InRun(string file) => Path.Combine(_run.Root, file);

    private int Pid(string component) => int.Parse(File.ReadAllText(_run.PidFile(component)));

    private async Task KillAsync(string component)
    {
        var pid = Pid(component);
        Signals.Send(pid, Signals.Kill);
        await Eventually.TrueAsync(() => !LinuxProcess.IsRunning(pid), $"process {pid} has ended");
    }

    // Ready once the script has created the file {name}.ready. The script gets the name as $0.
    private Component Script(string name, string script, params string[] dependsOn) => new(name, dependsOn)
    {
        Prepare = _ => Task.Run(() => File.Delete(InRun(name + ".ready"))),
        Launch = () => new Launch("sh", "-c", script, name),
        IsReady = _ => Task.FromResult(File.Exists(InRun(name + ".ready"))),
    };
}
