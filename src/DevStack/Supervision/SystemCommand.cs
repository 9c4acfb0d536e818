using System.Diagnostics;

namespace DevStack.Supervision;

/// <summary>Runs a program of the system to its end.</summary>
public static class SystemCommand
{
    /// <returns>What it wrote to its standard output.</returns>
    /// <exception cref="StackException">It failed; with what it wrote to its standard error.</exception>
    public static async Task<string> RunAsync(IReadOnlyList<string> command, string input, CancellationToken cancellationToken)
    {
        var (code, output, error) = await TryAsync(command, input, cancellationToken);
        return code == 0 ? output : throw new StackException($"{command[0]} ended with {code}: {error.Trim()}");
    }

    public static async Task<bool> SucceedsAsync(IReadOnlyList<string> command, CancellationToken cancellationToken) =>
        (await TryAsync(command, "", cancellationToken)).Code == 0;

    private static async Task<(int Code, string Output, string Error)> TryAsync(
        IReadOnlyList<string> command, string input, CancellationToken cancellationToken)
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
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var error = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return (process.ExitCode, await output, await error);
    }
}
