namespace Auctions.StackTests;

/// <summary>Processes as Linux sees them.</summary>
internal static class LinuxProcess
{
    /// <summary>Whether it runs. A zombie does not.</summary>
    public static bool IsRunning(int pid) =>
        File.Exists($"/proc/{pid}/stat") && !File.ReadAllText($"/proc/{pid}/stat").Contains(") Z ");

    /// <summary>The command lines that contain a text.</summary>
    public static IEnumerable<string> CommandLinesWith(string text)
    {
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), out _)) continue;
            string command;
            try
            {
                command = File.ReadAllText(Path.Combine(directory, "cmdline"));
            }
            catch (IOException)
            {
                continue; // it ended during the loop
            }

            if (command.Contains(text)) yield return command;
        }
    }
}
