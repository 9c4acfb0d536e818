using DevStack.Relay;
using NpgsqlTypes;

namespace Auctions.IntegrationTests.Events;

public sealed class ReplicationProgressTests
{
    private readonly ReplicationProgress _deliveries = new();

    [Fact]
    public void A_transaction_is_confirmed_when_it_is_committed_and_all_its_messages_are_acknowledged()
    {
        var transaction = _deliveries.Open();
        transaction.Sent();
        transaction.Sent();
        transaction.Acknowledged();
        transaction.Commit(Lsn(10));
        Assert.Equal(Lsn(0), _deliveries.Confirmed);

        transaction.Acknowledged();
        Assert.Equal(Lsn(10), _deliveries.Confirmed);
    }

    [Fact]
    public void Messages_that_are_acknowledged_before_the_commit_confirm_nothing()
    {
        var transaction = _deliveries.Open();
        transaction.Sent();
        transaction.Acknowledged();
        Assert.Equal(Lsn(0), _deliveries.Confirmed);
        Assert.Equal(1, _deliveries.OpenCount);
    }

    [Fact]
    public void A_later_transaction_waits_for_the_earlier_one()
    {
        var first = _deliveries.Open();
        first.Sent();
        first.Commit(Lsn(10));
        var second = _deliveries.Open();
        second.Sent();
        second.Commit(Lsn(20));

        second.Acknowledged();
        Assert.Equal(Lsn(0), _deliveries.Confirmed);
        first.Acknowledged();
        Assert.Equal(Lsn(20), _deliveries.Confirmed);
    }

    [Fact]
    public async Task Progress_wakes_who_waits()
    {
        var transaction = _deliveries.Open();
        var progress = _deliveries.NextProgress();
        Assert.False(progress.IsCompleted);
        transaction.Commit(Lsn(10));
        await progress.WaitAsync(TimeSpan.FromSeconds(10));
        await _deliveries.AllDeliveredAsync(CancellationToken.None);
    }

    [Fact]
    public void Acknowledgements_from_many_threads_confirm_everything_in_the_end()
    {
        const int transactions = 200, messages = 50;
        var open = new List<ReplicationProgress.Transaction>();
        for (var i = 1; i <= transactions; i++)
        {
            var transaction = _deliveries.Open();
            for (var m = 0; m < messages; m++) transaction.Sent();
            transaction.Commit(Lsn((ulong)i));
            open.Add(transaction);
        }

        Parallel.For(0, transactions * messages, i => open[i % transactions].Acknowledged());
        Assert.Equal(Lsn(transactions), _deliveries.Confirmed);
        Assert.Equal(0, _deliveries.OpenCount);
    }

    private static NpgsqlLogSequenceNumber Lsn(ulong value) => new(value);
}
