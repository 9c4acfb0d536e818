using Pipelines.Sockets.Unofficial.Arenas;

namespace Auctions.Feed.Tests.Redis;

public class ArenaTests
{
    [Fact]
    public void Runs_do_not_overlap()
    {
        using var arena = new Arena<string?>();
        var runs = Enumerable.Range(1, 500).Select(length => arena.Allocate(length)).ToList();
        for (var i = 0; i < runs.Count; i++) Fill(runs[i], $"run {i}");
        for (var i = 0; i < runs.Count; i++) Assert.All(runs[i].ToArray((in string? text) => text), text => Assert.Equal($"run {i}", text));
    }

    [Fact]
    public void What_is_allocated_after_a_reset_is_empty_again()
    {
        using var arena = new Arena<string?>();
        for (var round = 0; round < 3; round++)
        {
            foreach (var length in new[] { 10, 5000, 100_000, 300_000 })
            {
                var run = arena.Allocate(length);
                Assert.All(run.ToArray((in string? text) => text), Assert.Null);
                Fill(run, "used");
            }

            arena.Reset();
        }
    }

    [Fact]
    public void Nothing_is_an_empty_run()
    {
        using var arena = new Arena<int>();
        var run = arena.Allocate(0);
        Assert.True(run.IsEmpty);
        Assert.Equal(0, run.Length);
        Assert.False(run.GetEnumerator().MoveNext());
        Assert.False(default(Sequence<int>).Spans.GetEnumerator().MoveNext());
        Assert.Equal(0, default(Sequence).Cast<int>().Length);
    }

    [Fact]
    public void All_ways_through_a_run_see_the_same_elements()
    {
        using var arena = new Arena<int>();
        arena.Allocate(7);
        var run = arena.Allocate(1000);
        var writer = run.GetEnumerator();
        for (var i = 0; i < 1000; i++) writer.GetNext() = i;

        var byIndex = Enumerable.Range(0, 1000).Select(i => run[i]);
        var bySpan = new List<int>();
        foreach (var span in run.Spans) bySpan.AddRange(span.ToArray());
        var byEnumerator = new List<int>();
        foreach (ref var element in run) byEnumerator.Add(element);
        var copied = new int[1000];
        run.CopyTo(copied, (in int x) => x);

        var expected = Enumerable.Range(0, 1000).ToArray();
        Assert.Equal(expected, byIndex);
        Assert.Equal(expected, bySpan);
        Assert.Equal(expected, byEnumerator);
        Assert.Equal(expected, copied);
        Assert.Equal(expected, run.Untyped().Cast<int>().ToArray((in int x, in int add) => x + add, 0));
    }

    [Fact]
    public void Beyond_the_end_there_is_nothing()
    {
        using var arena = new Arena<int>();
        var run = arena.Allocate(3);
        arena.Allocate(3);
        Assert.Throws<IndexOutOfRangeException>(() => run[3]);
        Assert.Throws<IndexOutOfRangeException>(() => run[-1]);
        Assert.Throws<IndexOutOfRangeException>(() =>
        {
            var at = run.GetEnumerator();
            for (var i = 0; i < 4; i++) at.GetNext();
        });
        Assert.Throws<ArgumentException>(() => run.CopyTo(new int[2], (in int x) => x));
        Assert.Throws<InvalidCastException>(() => run.Untyped().Cast<long>());
    }

    [Fact]
    public void A_disposed_arena_gives_nothing()
    {
        var arena = new Arena<int>();
        arena.Dispose();
        arena.Dispose();
        Assert.Throws<ObjectDisposedException>(() => arena.Allocate(1));
    }

    private static void Fill(Sequence<string?> run, string text)
    {
        foreach (ref var element in run) element = text;
    }
}
