using System.Diagnostics;
using DevStack.Supervision;

namespace Auctions.StackTests;

/// <summary>The supervisor on parts that are small shell scripts.</summary>
public sealed class SupervisorTests : IAsyncLifetime
{
    private readonly RunDirectory _run = new(Directory.CreateTempSubdirectory("auctions-supervisor-").FullName);
    private readonly List<string> _said = [];
    private readonly List<Part> _parts = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await Supervisor().DownAsync();
        Directory.Delete(_run.Root, recursive: true);
    }

    [Fact]
    public async Task A_part_starts_once_those_that_it_depends_on_are_ready()
    {
        _parts.Add(Script("first", "sleep 0.3; touch first.ready; exec sleep 600"));
        _parts.Add(Script("second", "ls first.ready >second.saw; touch second.ready; exec sleep 600", "first"));

        Assert.True(await UpAsync());
        Assert.Equal("first.ready\n", await File.ReadAllTextAsync(InRun("second.saw")));
    }

    [Fact]
    public async Task Up_leaves_alone_what_runs()
    {
        _parts.Add(Script("one", "touch one.ready; exec sleep 600"));
        Assert.True(await UpAsync());
        var pid = Pid("one");

        Assert.True(await UpAsync());
        Assert.Equal(pid, Pid("one"));
    }

    [Fact]
    public async Task Up_restarts_what_has_died_and_nothing_else()
    {
        _parts.Add(Script("one", "touch one.ready; exec sleep 600"));
        _parts.Add(Script("two", "touch two.ready; exec sleep 600", "one"));
        Assert.True(await UpAsync());
        var (one, two) = (Pid("one"), Pid("two"));
        await KillAsync("one");

        Assert.True(await UpAsync());
        Assert.NotEqual(one, Pid("one"));
        Assert.Equal(two, Pid("two"));
    }

    [Fact]
    public async Task Up_restarts_what_should_be_started_in_another_way_by_now()
    {
        _parts.Add(Script("one", "touch one.ready; exec sleep 600"));
        Assert.True(await UpAsync());
        var before = Pid("one");
        _parts[0] = Script("one", "touch one.ready; exec sleep 601");

        Assert.True(await UpAsync());
        Assert.NotEqual(before, Pid("one"));
        Assert.False(IsRunning(before));
    }

    [Fact]
    public async Task A_part_restarts_with_one_whose_data_ended_with_its_process()
    {
        _parts.Add(Script("memory", "touch memory.ready; exec sleep 600"));
        _parts.Add(Script("reader", "touch reader.ready; exec sleep 600", "memory") with { RestartsWith = ["memory"] });
        Assert.True(await UpAsync());
        var reader = Pid("reader");
        await KillAsync("memory");

        Assert.True(await UpAsync());
        Assert.NotEqual(reader, Pid("reader"));
    }

    [Fact]
    public async Task A_failing_part_is_named_with_the_end_of_its_log_and_what_needs_it_is_not_started()
    {
        _parts.Add(Script("broken", "echo port taken >&2; exit 1"));
        _parts.Add(Script("needy", "touch needy.ready; exec sleep 600", "broken"));
        _parts.Add(Script("free", "touch free.ready; exec sleep 600"));

        Assert.False(await UpAsync());
        Assert.Contains(_said, line => line.Contains("broken") && line.Contains("FAILED"));
        Assert.Contains(_said, line => line.Contains("port taken"));
        Assert.Contains(_said, line => line.Contains("needy") && line.Contains("not started"));
        Assert.Equal([PartState.Died, PartState.Stopped, PartState.Ready], await StatesAsync());
    }

    [Fact]
    public async Task The_log_of_an_earlier_start_is_not_shown_for_a_later_failure()
    {
        _parts.Add(Script("one", "echo the first time; touch one.ready; exec sleep 600"));
        Assert.True(await UpAsync());
        await Supervisor().DownAsync();
        _parts[0] = Script("one", "echo the second time; exit 1");

        Assert.False(await UpAsync());
        Assert.Contains(_said, line => line.Contains("the second time"));
        Assert.DoesNotContain(_said, line => line.Contains("the first time"));
    }

    [Fact]
    public async Task A_part_that_does_not_become_ready_in_time_fails()
    {
        _parts.Add(Script("slow", "exec sleep 600") with { ReadyWithin = TimeSpan.FromMilliseconds(200) });

        Assert.False(await UpAsync());
        Assert.Contains(_said, line => line.Contains("slow") && line.Contains("not ready within 0.2 s"));
        Assert.Equal([PartState.Unready], await StatesAsync());
    }

    [Fact]
    public async Task Down_stops_dependents_first_and_lets_each_finish()
    {
        const string work = "touch $0.ready; while :; do sleep 0.05; done";
        _parts.Add(Script("below", "trap 'echo $0 >>stopped; exit' TERM; " + work));
        _parts.Add(Script("above", "trap 'sleep 0.3; echo $0 >>stopped; exit' TERM; " + work, "below"));
        Assert.True(await UpAsync());

        await Supervisor().DownAsync();
        Assert.Equal("above\nbelow\n", await File.ReadAllTextAsync(InRun("stopped")));
        Assert.Equal([PartState.Stopped, PartState.Stopped], await StatesAsync());
    }

    [Fact]
    public async Task What_does_not_stop_in_time_is_killed()
    {
        var deaf = Script("deaf", "trap '' TERM; touch deaf.ready; while :; do sleep 0.05; done");
        _parts.Add(deaf with { StopWithin = TimeSpan.FromMilliseconds(300) });
        Assert.True(await UpAsync());
        var pid = Pid("deaf");

        await Supervisor().DownAsync();
        Assert.False(IsRunning(pid));
        Assert.Contains(_said, line => line.Contains("killed"));
    }

    [Fact]
    public async Task A_process_that_got_a_dead_parts_id_is_not_taken_for_it()
    {
        _parts.Add(Script("one", "touch one.ready; exec sleep 600"));
        Assert.True(await UpAsync());
        await KillAsync("one");
        using var stranger = Process.Start("sleep", "600");
        await File.WriteAllTextAsync(_run.PidFile("one"), $"{stranger.Id}\n");
        try
        {
            Assert.Equal([PartState.Died], await StatesAsync());
            await Supervisor().DownAsync();
            Assert.True(IsRunning(stranger.Id));
        }
        finally
        {
            stranger.Kill();
        }
    }

    [Fact]
    public async Task A_part_leads_a_session_of_its_own()
    {
        _parts.Add(Script("one", "touch one.ready; exec sleep 600"));
        Assert.True(await UpAsync());

        var afterName = (await File.ReadAllTextAsync($"/proc/{Pid("one")}/stat")).Split(") ")[^1].Split(' ');
        Assert.Equal($"{Pid("one")}", afterName[3]);
    }

    [Fact]
    public void Two_at_once_are_refused()
    {
        using var first = _run.Lock();
        Assert.Contains(_run.Root, Assert.Throws<StackException>(_run.Lock).Message);
    }

    private Supervisor Supervisor() => new(_run, _parts, source: _run.Root, TimeProvider.System, line =>
    {
        lock (_said) _said.Add(line);
    });

    private Task<bool> UpAsync() => Supervisor().UpAsync(CancellationToken.None);

    private async Task<List<PartState>> StatesAsync() =>
        (await Supervisor().StatusAsync(CancellationToken.None)).Select(s => s.State).ToList();

    private string InRun(string file) => Path.Combine(_run.Root, file);

    private int Pid(string part) => int.Parse(File.ReadAllText(_run.PidFile(part)));

    private async Task KillAsync(string part)
    {
        var pid = Pid(part);
        Signals.Send(pid, Signals.Kill);
        await Bounded.UntilAsync(() => !IsRunning(pid), $"process {pid} ends");
    }

    private static bool IsRunning(int pid) =>
        File.Exists($"/proc/{pid}/stat") && !File.ReadAllText($"/proc/{pid}/stat").Contains(") Z ");

    /// <summary>A part that is ready once its script has made the file {name}.ready. $0 is its name.</summary>
    private Part Script(string name, string script, params string[] dependsOn) => new(name, dependsOn)
    {
        Prepare = _ => Task.Run(() => File.Delete(InRun(name + ".ready"))),
        Launch = () => new Launch("sh", "-c", script, name),
        IsReady = _ => Task.FromResult(File.Exists(InRun(name + ".ready"))),
    };
}
