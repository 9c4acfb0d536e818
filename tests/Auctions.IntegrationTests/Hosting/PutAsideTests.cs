using Auctions.Hosting;
using Microsoft.Extensions.Logging;

namespace Auctions.IntegrationTests.Hosting;

/// <summary>An id that fails waits longer and longer, and nothing else waits.</summary>
public sealed class PutAsideTests
{
    private static readonly Guid Id = Guid.NewGuid();

    private readonly SteppedClock _clock = new();
    private readonly CountingLogger _log = new();

    [Fact]
    public void An_id_that_never_failed_is_not_aside()
    {
        var aside = NewPutAside();
        aside.Failed(Id);
        Assert.False(aside.IsAside(Guid.NewGuid()));
        Assert.Equal([Id], aside.Current());
    }

    [Fact]
    public void The_delay_doubles_up_to_its_bound()
    {
        var aside = NewPutAside();
        for (var delay = PutAside.DelayMin; delay < 4 * PutAside.DelayMax; delay *= 2)
        {
            var expected = delay < PutAside.DelayMax ? delay : PutAside.DelayMax;
            aside.Failed(Id);
            _clock.Advance(expected - TimeSpan.FromMilliseconds(1));
            Assert.True(aside.IsAside(Id));
            _clock.Advance(TimeSpan.FromMilliseconds(1));
            Assert.False(aside.IsAside(Id));
            Assert.Empty(aside.Current());
        }
    }

    [Fact]
    public void It_is_logged_once_until_it_succeeds()
    {
        var aside = NewPutAside();
        for (var i = 0; i < 5; i++) aside.Failed(Id, new IOException());
        Assert.Equal(1, _log.Errors);

        aside.Succeeded(Id);
        Assert.False(aside.IsAside(Id));
        aside.Failed(Id);
        Assert.Equal(2, _log.Errors);
        _clock.Advance(PutAside.DelayMin);
        Assert.False(aside.IsAside(Id));
    }

    [Fact]
    public void No_more_ids_are_remembered_than_the_bound()
    {
        var aside = NewPutAside();
        aside.Failed(Id);
        aside.Failed(Id); // waits longer than the others, so it is not the one to forget
        for (var i = 0; i < PutAside.IdsMax + 10; i++) aside.Failed(Guid.NewGuid());
        Assert.Equal(PutAside.IdsMax, aside.Current().Length);
        Assert.True(aside.IsAside(Id));
    }

    private PutAside NewPutAside() => new("testing", _clock, _log);

    private sealed class CountingLogger : ILogger
    {
        public int Errors { get; private set; }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) => Errors += logLevel == LogLevel.Error ? 1 : 0;
    }
}
