using System.Diagnostics;
using System.Text.Json;
using DevStack.Supervision;
using Npgsql;

namespace Auctions.StackTests;

/// <summary>The whole stack in a directory of its own, run by the program that people run.</summary>
/// <remarks>Other users cannot enter the directory, like one under /root.</remarks>
public sealed class WholeStack : IAsyncLifetime
{
    public RunDirectory Run { get; } = new(Directory.CreateTempSubdirectory("auctions-stack-").FullName);

    /// <summary>The status directly after the first <c>up</c>.</summary>
    public IReadOnlyList<(string Name, string State, int Pid)> FirstStatus { get; private set; } = [];

    public async Task InitializeAsync()
    {
        var (code, output) = await DevStackAsync("up");
        Assert.True(code == 0, output);
        FirstStatus = await StatusAsync();
    }

    public async Task DisposeAsync()
    {
        await DevStackAsync("down");
        await Run.RemoveDataAsync(CancellationToken.None);
        Directory.Delete(Run.Root, recursive: true);
    }

    /// <summary>Runs a command of DevStack and waits until it ends.</summary>
    public async Task<(int Code, string Output)> DevStackAsync(string command, params string[] arguments)
    {
        string[] line = [Program(), command, "--run-dir", Run.Root, .. arguments];
        using var process = Process.Start(new ProcessStartInfo("dotnet", line)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output + await error);
    }

    /// <summary>Each component's name, state and process id (0: none).</summary>
    public async Task<List<(string Name, string State, int Pid)>> StatusAsync()
    {
        var (_, output) = await DevStackAsync("status", "--json");
        using var json = JsonDocument.Parse(output);
        return json.RootElement.EnumerateArray().Select(component => (
            component.GetProperty("name").GetString()!,
            component.GetProperty("state").GetString()!,
            component.GetProperty("pid") is { ValueKind: JsonValueKind.Number } pid ? pid.GetInt32() : 0)).ToList();
    }

    /// <summary>The status once every component is ready.</summary>
    /// <remarks>
    /// A single look is not enough after a restart of Postgres. A service checks Postgres once a second. So it may
    /// still report the result from before the restart, and then be unready for a second, because its next check uses a
    /// pooled connection to the old server.
    /// </remarks>
    public async Task<List<(string Name, string State, int Pid)>> ReadyStatusAsync()
    {
        List<(string Name, string State, int Pid)> status = [];
        await Eventually.TrueAsync(
            async () =>
            {
                status = await StatusAsync();
                return status.All(component => component.State == "ready");
            },
            () => "every component is ready; last seen: " + string.Join(", ", status));
        return status;
    }

    /// <summary>Runs SQL in the services' database, as the services' role.</summary>
    public async Task<object?> SqlAsync(string sql)
    {
        var port = new Endpoints(Path.Combine(Run.Root, "endpoints.json")).Port("postgres");
        await using var source = NpgsqlDataSource.Create($"Host=127.0.0.1;Port={port};"
            + $"Username=auctions;Database=auctions;Password={Run.Secrets.PostgresPassword}");
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }

    // The build of DevStack that belongs to this build of the tests.
    private static string Program()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var (framework, configuration) = (own.Name, own.Parent!.Name);
        var source = own.Parent.Parent!.Parent!.Parent!.Parent!.FullName;
        return Path.Combine(source, "src", "DevStack", "bin", configuration, framework, "DevStack.dll");
    }
}
