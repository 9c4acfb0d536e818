using Auctions.Core;
using Auctions.Grpc;
using Auctions.Hosting;
using Auctions.HotState;
using Auctions.Ledger;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;

namespace BiddingService;

/// <summary>
/// Places bids on auctions that exist in memory alone, through the real <see cref="PlaceBid"/>, so that queue, lane and
/// answer are compiled before the first bid comes. The stores have warm-ups of their own.
/// </summary>
internal static class BidPathWarmUp
{
    /// <summary>
    /// Few: a method that is called 30 times is compiled again, and that work would compete with the first bids.
    /// </summary>
    private const int Bids = 5;

    public static IServiceCollection AddBidPathWarmUp(this IServiceCollection services) =>
        services.AddWarmUp("bid path", (provider, cancellationToken) =>
            RunAsync(provider.GetRequiredService<TimeProvider>(), cancellationToken));

    private static async Task RunAsync(TimeProvider timeProvider, CancellationToken cancellationToken)
    {
        var stores = new InMemoryStores();
        using var metrics = new BiddingMetrics();
        await using var placeBid = new PlaceBid(
            stores, stores, new Recovery(stores, stores), new BiddingOptions { Lanes = 1 }, new VelocityLimit(0, 0),
            metrics, timeProvider, NullLoggerFactory.Instance);
        for (var i = 0; i < Bids; i++)
        {
            var bid = new Bid("warm-up", Guid.CreateVersion7(), BidKind.Proxy, "USD", 0, 100);
            var request = new BidRequest(Guid.CreateVersion7(), bid, Limited: true);
            var answer = await placeBid.PlaceAsync(request, cancellationToken);
            StateMap.Result(answer.Bid, answer.Terms, answer.Replayed).ToByteArray();
        }
    }

    /// <summary>
    /// Accepts every bid as its auction's first, and stores nothing. The other methods are never called.
    /// </summary>
    private sealed class InMemoryStores : IHotState, ILedger
    {
        private static readonly Terms Terms = new("seller", "USD", 1, 0, 0, new Increment.Fixed(1), SoftClose.None, 0);

        private readonly Head _head =
            new(0, Guid.CreateVersion7(), Terms, AuctionState.Opened(AuctionStatus.Active, long.MaxValue), 0);

        public async Task<DecidedBatch?> DecideAsync(
            Guid auctionId, IReadOnlyList<UndecidedBid> bids, CancellationToken cancellationToken)
        {
            await Task.Yield(); // as a call to Redis does
            return new DecidedBatch(
                Terms, [.. bids.Select(b => DecidedBid.Decide(auctionId, _head, b.Id, b.Bid, clockUs: 1))]);
        }

        public async Task<AppendResult[]> AppendAsync(
            IReadOnlyList<DecidedBid> bids, bool[] fresh, long[] agesUs, CancellationToken cancellationToken)
        {
            await Task.Yield(); // as a transaction does
            return [.. bids.Select(bid => new AppendResult(AppendOutcome.Appended, bid))];
        }

        public Task<AppendResult[]> AppendWaitingAsync(
            IReadOnlyList<DecidedBid> bids, long[] agesUs, CancellationToken cancellationToken) => throw Unused();

        public Task RemovePendingAsync(
            Guid auctionId, IReadOnlyCollection<long> versions, CancellationToken cancellationToken) =>
            Task.CompletedTask;

        Task<HotHead?> IHotState.ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken) => throw Unused();

        Task<Head?> ILedger.ReadHeadAsync(Guid auctionId, CancellationToken cancellationToken) => throw Unused();

        public Task<(Head Head, long NowUs)?> ReadHeadAndClockAsync(
            Guid auctionId, CancellationToken cancellationToken) => throw Unused();

        public Task<IReadOnlyList<DecidedBid>> ReadPendingAsync(
            Guid auctionId, CancellationToken cancellationToken) => throw Unused();

        public Task<IReadOnlyList<Guid>> ReadPendingIndexAsync(CancellationToken cancellationToken) => throw Unused();

        public Task<int> RepairPendingIndexAsync(CancellationToken cancellationToken) => throw Unused();

        public Task<bool> HydrateAsync(
            Guid auctionId, HotHead? seen, Head head, IReadOnlyList<DecidedBid> answers,
            CancellationToken cancellationToken) => throw Unused();

        public Task<bool> SealAsync(Guid auctionId, CancellationToken cancellationToken) => throw Unused();

        public Task<bool> DropIfBehindAsync(
            Guid auctionId, long version, Guid entryId, long outsideVersion, CancellationToken cancellationToken) =>
            throw Unused();

        public Task<ILookup<Guid, DecidedBid>> ReadRecentAnswersAsync(
            IReadOnlyCollection<Guid> auctionIds, int limit, CancellationToken cancellationToken) => throw Unused();

        public Task<IReadOnlyDictionary<Guid, Head>> ReadHeadsAsync(
            IReadOnlyCollection<Guid> auctionIds, CancellationToken cancellationToken) => throw Unused();

        public Task<DecidedBid?> FindAnswerAsync(
            Guid auctionId, string bidder, Guid key, CancellationToken cancellationToken) => throw Unused();

        public Task<ILookup<string, long>> ReadDecisionTimesAsync(
            Guid auctionId, IReadOnlyCollection<string> bidders, long sinceUs, CancellationToken cancellationToken) =>
            throw Unused();

        public Task<Terms?> FindTermsAsync(
            Guid auctionId, string digest, CancellationToken cancellationToken) => throw Unused();

        private static NotSupportedException Unused() => new("The warm-up's bids do not need this.");
    }
}
