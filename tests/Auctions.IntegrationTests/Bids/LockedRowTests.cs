using Auctions.Grpc;
using Auctions.IntegrationTests.Servers;
using Google.Rpc;
using Grpc.Core;

namespace Auctions.IntegrationTests.Bids;

/// <summary>
/// Two instances, and an operator's open transaction that has locked the rows of some auctions. The other auctions do
/// not notice.
/// </summary>
public sealed class LockedRowTests : IAsyncLifetime
{
    private const int InFlightMax = 400;

    private BiddingStack _stack = null!;

    public async Task InitializeAsync() =>
        _stack = await BiddingStack.StartAsync(instances: 2, $"--Bidding:InFlightMax={InFlightMax}");

    public async Task DisposeAsync() => await _stack.DisposeAsync();

    [Fact]
    public async Task A_locked_auction_stops_no_other_and_its_bids_are_decided_once_it_is_free()
    {
        var locked = await _stack.OpenAsync();
        var others = await OpenAsync(60);
        await using var row = await RowLock.TakeAsync(_stack.LedgerConnection, locked);
        var key = Guid.NewGuid();
        var bid = _stack.BidAsync(locked, "ann", 500, key);

        for (var round = 1; round <= 3; round++)
            await BidOnAllAsync(others, $"b{round}", 500 * round);

        var fault = await Assert.ThrowsAsync<RpcException>(() => bid);
        Assert.Equal(
            (StatusCode.Unavailable, RpcErrors.OutcomeUnknownReason), (fault.StatusCode, RpcErrors.Reason(fault)));
        Assert.NotNull(RpcErrors.Detail<RetryInfo>(fault));
        await TurnedAwayAsync(locked);
        await BidOnAllAsync(others, "last", 5_000);

        await row.CommitAsync();
        var answer = await _stack.BidUntilKnownAsync(locked, "ann", 500, key);
        Assert.True(answer.Replayed);
        Assert.Equal(V1.BidOutcome.Leading, (await _stack.BidUntilKnownAsync(locked, "bob", 900)).Outcome);
        foreach (var auction in others.Append(locked)) await _stack.AuditedAsync(auction);
    }

    [Fact]
    public async Task Hundreds_of_locked_auctions_stop_no_other()
    {
        var locked = await OpenAsync(300);
        var others = await OpenAsync(20);
        await using var rows = await RowLock.TakeAsync(_stack.LedgerConnection, [.. locked]);
        var bids = locked.Select((id, i) => UnavailableAsync(id, $"a{i}", 500)).ToList();

        for (var round = 1; round <= 5; round++)
            await BidOnAllAsync(others, $"b{round}", 500 * round);
        await Task.WhenAll(bids);
        await BidOnAllAsync(others, "last", 5_000);

        await rows.CommitAsync();
        await Task.WhenAll(locked.Select(id => _stack.BidUntilKnownAsync(id, "bob", 900)));
        foreach (var auction in others.Concat(locked.Take(20))) await _stack.AuditedAsync(auction);
    }

    /// <summary>
    /// More bids than a side lane keeps. Those that it drops are pending in Redis: the next bid, and a retry, find
    /// them.
    /// </summary>
    [Fact]
    public async Task Every_bid_on_a_locked_auction_gives_its_slot_back_and_has_one_outcome_in_the_end()
    {
        var (locked, other) = (await _stack.OpenAsync(), await _stack.OpenAsync());
        await using var row = await RowLock.TakeAsync(_stack.LedgerConnection, locked);
        var keys = Enumerable.Range(0, InFlightMax).Select(_ => Guid.NewGuid()).ToArray();
        await Task.WhenAll(keys.Select((key, i) => UnavailableAsync(locked, $"b{i}", 500 + 10 * i, key)));

        Assert.Equal(V1.BidOutcome.Leading, (await _stack.BidAsync(other, "ann", 500)).Outcome);

        await row.CommitAsync();
        var answers = await Task.WhenAll(
            keys.Select((key, i) => _stack.BidUntilKnownAsync(locked, $"b{i}", 500 + 10 * i, key)));
        var record = await _stack.AuditedAsync(locked);
        Assert.Equal(answers.Length, record.Answers.Count);
        Assert.Equal(
            answers.Where(a => a.Outcome != V1.BidOutcome.Rejected).Select(a => a.State.Version).Order(),
            record.Entries.Where(e => e.Bid is not null).Select(e => e.Version));
    }

    private async Task<List<Guid>> OpenAsync(int count)
    {
        var auctions = new List<Guid>();
        for (var i = 0; i < count; i++) auctions.Add(await _stack.OpenAsync());
        return auctions;
    }

    private Task BidOnAllAsync(IEnumerable<Guid> auctions, string bidder, long cents) =>
        Task.WhenAll(auctions.Select((id, i) => _stack.BidAsync(id, bidder, cents, instance: i % 2)));

    /// <summary>
    /// Once its callers' patience has ended, an auction that stays locked takes no bids: nothing is decided.
    /// </summary>
    private Task TurnedAwayAsync(Guid auction) => Eventually.TrueAsync(async () =>
        RpcErrors.Reason(await UnavailableAsync(auction, "eve", 9_000)) == "AUCTION_BUSY");

    private async Task<RpcException> UnavailableAsync(Guid auction, string bidder, long cents, Guid? key = null)
    {
        var fault = await Assert.ThrowsAsync<RpcException>(() => _stack.BidAsync(auction, bidder, cents, key));
        Assert.True(fault.StatusCode == StatusCode.Unavailable, $"{fault.Status} {RpcErrors.Reason(fault)}");
        Assert.NotNull(RpcErrors.Detail<RetryInfo>(fault));
        return fault;
    }
}
