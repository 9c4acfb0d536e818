namespace Auctions.Ctl.Output;

/// <summary>
/// Tells on standard error how far a long piece of work is: one line written over four times a second on a terminal, elsewhere a
/// line every five seconds, and where it has changed alone.
/// </summary>
public sealed class ProgressLine : IAsyncDisposable
{
    private static readonly bool Terminal = !Console.IsErrorRedirected;
    private readonly PeriodicTimer _timer;
    private readonly Task _writing;
    private readonly Func<string> _line;
    private string _written = "";

    public ProgressLine(Func<string> line, TimeProvider timeProvider)
    {
        _line = line;
        _timer = new PeriodicTimer(Terminal ? TimeSpan.FromMilliseconds(250) : TimeSpan.FromSeconds(5), timeProvider);
        _writing = WriteAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _timer.Dispose();
        await _writing.ConfigureAwait(false);
        Write();
        if (Terminal) await Console.Error.WriteLineAsync().ConfigureAwait(false);
    }

    private async Task WriteAsync()
    {
        while (await _timer.WaitForNextTickAsync().ConfigureAwait(false)) Write();
    }

    private void Write()
    {
        var line = _line();
        if (line == _written) return;
        // \e[K clears what a longer line before has left.
        if (Terminal) Console.Error.Write($"\r{line}\e[K");
        else Console.Error.WriteLine(line);
        _written = line;
    }
}
