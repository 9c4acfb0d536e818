using DevStack.Relay;
using NpgsqlTypes;

namespace Auctions.IntegrationTests.Events;

public sealed class ReplicationProgressTests
{
    private readonly ReplicationProgress _progress = new();

    [Fact]
    public void A_transaction_is_confirmed_after_its_commit_and_the_acknowledgement_of_all_its_messages()
    {
        var transaction = _progress.Open();
        transaction.Sent();
        transaction.Sent();
        transaction.Acknowledged();
        transaction.Commit(Lsn(10));
        Assert.Equal(Lsn(0), _progress.Confirmed);

        transaction.Acknowledged();
        Assert.Equal(Lsn(10), _progress.Confirmed);
    }

    [Fact]
    public void Acknowledgements_before_the_commit_confirm_nothing()
    {
        var transaction = _progress.Open();
        transaction.Sent();
        transaction.Acknowledged();
        Assert.Equal(Lsn(0), _progress.Confirmed);
        Assert.Equal(1, _progress.OpenCount);
    }

    [Fact]
    public void A_later_transaction_waits_for_the_earlier_one()
    {
        var first = _progress.Open();
        first.Sent();
        first.Commit(Lsn(10));
        var second = _progress.Open();
        second.Sent();
        second.Commit(Lsn(20));

        second.Acknowledged();
        Assert.Equal(Lsn(0), _progress.Confirmed);
        first.Acknowledged();
        Assert.Equal(Lsn(20), _progress.Confirmed);
    }

    [Fact]
    public async Task A_confirmed_transaction_completes_the_wait_for_the_next_advance()
    {
        var transaction = _progress.Open();
        var nextAdvance = _progress.NextAdvance();
        Assert.False(nextAdvance.IsCompleted);
        transaction.Commit(Lsn(10));
        await Eventually.EndsAsync(nextAdvance);
        await _progress.AllDeliveredAsync(CancellationToken.None);
    }

    [Fact]
    public void Acknowledgements_from_many_threads_confirm_every_transaction()
    {
        const int transactions = 200, messages = 50;
        var open = new List<ReplicationProgress.Transaction>();
        for (var i = 1; i <= transactions; i++)
        {
            var transaction = _progress.Open();
            for (var m = 0; m < messages; m++) transaction.Sent();
            transaction.Commit(Lsn((ulong)i));
            open.Add(transaction);
        }

        Parallel.For(0, transactions * messages, i => open[i % transactions].Acknowledged());
        Assert.Equal(Lsn(transactions), _progress.Confirmed);
        Assert.Equal(0, _progress.OpenCount);
    }

    private static NpgsqlLogSequenceNumber Lsn(ulong value) => new(value);
}
