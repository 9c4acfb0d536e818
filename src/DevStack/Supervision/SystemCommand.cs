using System.Diagnostics;

namespace DevStack.Supervision;

/// <summary>Runs a program of the system to its end.</summary>
public static class SystemCommand
{
    /// <returns>What it wrote to its standard output.</returns>
    /// <exception cref="StackException">It failed; with what it wrote to its standard error.</exception>
    public static async Task<string> RunAsync(IReadOnlyList<string> command, string input, CancellationToken ct)
    {
        var (code, output, error) = await TryAsync(command, input, ct);
        return code == 0 ? output : throw new StackException($"{command[0]} ended with {code}: {error.Trim()}");
    }

    public static async Task<bool> SucceedsAsync(IReadOnlyList<string> command, CancellationToken ct) =>
        (await TryAsync(command, "", ct)).Code == 0;

    private static async Task<(int Code, string Output, string Error)> TryAsync(
        IReadOnlyList<string> command, string input, CancellationToken ct)
    {
        using var process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended without reading it: what it says about that is in its exit code and its standard error.
        }
        var output = process.StandardOutput.ReadToEndAsync(ct);
        var error = process.StandardError.ReadToEndAsync(ct);
        await process.WaitForExitAsync(ct);
        return (process.ExitCode, await output, await error);
    }
}
