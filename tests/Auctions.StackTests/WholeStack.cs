using System.Diagnostics;
using System.Text.Json;
using DevStack.Supervision;
using Npgsql;

namespace Auctions.StackTests;

/// <summary>The whole stack, run by the program that people run, in a directory of its own.</summary>
/// <remarks>The directory is closed to other users, as one under /root would be.</remarks>
public sealed class WholeStack : IAsyncLifetime
{
    public RunDirectory Run { get; } = new(Directory.CreateTempSubdirectory("auctions-stack-").FullName);

    public async Task InitializeAsync()
    {
        var (code, output) = await DevStackAsync("up");
        Assert.True(code == 0, output);
    }

    public async Task DisposeAsync()
    {
        await DevStackAsync("down");
        await Run.RemoveDataAsync(CancellationToken.None);
        Directory.Delete(Run.Root, recursive: true);
    }

    /// <summary>Runs a command of DevStack to its end.</summary>
    public async Task<(int Code, string Output)> DevStackAsync(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [Program(), command, "--run-dir", Run.Root, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output + await error);
    }

    /// <summary>Every part's name, state and process id (0: none).</summary>
    public async Task<List<(string Name, string State, int Pid)>> StatusAsync()
    {
        var (_, output) = await DevStackAsync("status", "--json");
        using var json = JsonDocument.Parse(output);
        return json.RootElement.EnumerateArray().Select(part => (
            part.GetProperty("name").GetString()!,
            part.GetProperty("state").GetString()!,
            part.GetProperty("pid") is { ValueKind: JsonValueKind.Number } pid ? pid.GetInt32() : 0)).ToList();
    }

    /// <summary>Runs SQL in the services' database, as the services' role.</summary>
    public async Task<object?> SqlAsync(string sql)
    {
        var endpoint = new Endpoints(Path.Combine(Run.Root, "endpoints.json"));
        await using var source = NpgsqlDataSource.Create(
            $"Host=127.0.0.1;Port={endpoint.Port("postgres")};Username=auctions;Database=auctions;Password={Run.Secrets.PostgresPassword}");
        await using var command = source.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }

    /// <summary>The build of DevStack that was made together with these tests.</summary>
    private static string Program()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory);
        var (framework, configuration) = (own.Name, own.Parent!.Name);
        var source = own.Parent.Parent!.Parent!.Parent!.Parent!.FullName;
        return Path.Combine(source, "src", "DevStack", "bin", configuration, framework, "DevStack.dll");
    }
}
