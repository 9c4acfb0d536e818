namespace Auctions.Ctl.Output;

/// <summary>
/// Shows the progress of long work on standard error. On a terminal it overwrites one line four times a second.
/// Elsewhere it writes a line every five seconds if the text has changed.
/// <para>Concurrency: one task calls the text function and writes. The function must be safe on any thread.</para>
/// <para>Lifecycle: starts on construction. Disposal stops the timer and writes the last text.</para>
/// <para>Invariants: the same text is never written twice in a row.</para>
/// <para>Bounds: one line at a time.</para>
/// </summary>
public sealed class ProgressLine : IAsyncDisposable
{
    private static readonly bool IsTerminal = !Console.IsErrorRedirected;
    private readonly PeriodicTimer _timer;
    private readonly Task _writing;
    private readonly Func<string> _text;
    private string _written = "";

    public ProgressLine(Func<string> text, TimeProvider timeProvider)
    {
        _text = text;
        _timer = new PeriodicTimer(IsTerminal ? TimeSpan.FromMilliseconds(250) : TimeSpan.FromSeconds(5), timeProvider);
        _writing = WriteAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _timer.Dispose();
        await _writing;
        Write();
        if (IsTerminal) await Console.Error.WriteLineAsync();
    }

    private async Task WriteAsync()
    {
        while (await _timer.WaitForNextTickAsync()) Write();
    }

    private void Write()
    {
        var text = _text();
        if (text == _written) return;
        // \e[K clears the rest of a longer previous line.
        if (IsTerminal) Console.Error.Write($"\r{text}\e[K");
        else Console.Error.WriteLine(text);
        _written = text;
    }
}
