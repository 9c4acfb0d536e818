using Auctions.Grpc;
using Auctions.Ledger;
using Grpc.Core;
using V1 = Auctions.V1;

namespace AuctionService;

/// <summary>The service of the contract: reads, and maps requests and answers of the flows behind it.</summary>
internal sealed class AuctionRpc(
    CreateAuction createAuction, EndAuction endAuction, LedgerLifecycle lifecycle, LedgerHistory history)
    : V1.AuctionService.AuctionServiceBase
{
    private const int BidsPerPageDefault = 50;
    private const int BidsPerPageMax = 500;

    /// <summary>
    /// A read goes on when its caller resets the call. Cancelling it would cost a connection to Postgres, more than the
    /// read itself; and the caller's place among its calls in flight is taken until the read has ended.
    /// </summary>
    private static readonly CancellationToken ReadToItsEnd = CancellationToken.None;

    [RequiresRole(Roles.Seller | Roles.Service)]
    public override async Task<V1.CreateAuctionResponse> CreateAuction(
        V1.CreateAuctionRequest request, ServerCallContext context)
    {
        var caller = Caller.Of(context);
        var row = await createAuction.CreateAsync(request, caller.Subject, context.CancellationToken);
        return new V1.CreateAuctionResponse { Auction = AuctionMap.Auction(row, caller) };
    }

    [OpenRead]
    public override async Task<V1.GetAuctionResponse> GetAuction(
        V1.GetAuctionRequest request, ServerCallContext context)
    {
        var id = Fields.Uuid(request.AuctionId, "auction_id");
        var row = await lifecycle.ReadAuctionAsync(id, ReadToItsEnd) ?? throw RpcErrors.AuctionNotFound(id);
        return new V1.GetAuctionResponse { Auction = AuctionMap.Auction(row, Caller.Of(context)) };
    }

    [OpenRead]
    public override async Task<V1.ListBidsResponse> ListBids(V1.ListBidsRequest request, ServerCallContext context)
    {
        var id = Fields.Uuid(request.AuctionId, "auction_id");
        var size = Fields.PageSize(request.PageSize, "page_size", BidsPerPageDefault, BidsPerPageMax);
        var list = $"ListBids {id}";
        var before = PageToken.Read(request.PageToken, "page_token", list, 1)?[0];

        // One bid more than the page holds shows whether there is a next page.
        var page = await history.ReadBidsPageAsync(id, before, size + 1, ReadToItsEnd)
            ?? throw RpcErrors.AuctionNotFound(id);
        var response = new V1.ListBidsResponse { TotalSize = page.TotalCount };
        if (page.Bids.Count == 0) return response;

        response.Bids.AddRange(page.Bids.Take(size).Select(bid => AuctionMap.Bid(bid, id, page.Currency)));
        if (page.Bids.Count > size) response.NextPageToken = PageToken.Write(list, page.Bids[size - 1].Version);
        return response;
    }

    [RequiresRole(Roles.Seller | Roles.Service)]
    public override async Task<V1.EndAuctionResponse> EndAuction(
        V1.EndAuctionRequest request, ServerCallContext context)
    {
        var caller = Caller.Of(context);
        var id = Fields.Uuid(request.AuctionId, "auction_id");
        var row = await endAuction.EndAsync(id, caller, request.Reason, context.CancellationToken);
        return new V1.EndAuctionResponse { Auction = AuctionMap.Auction(row, caller) };
    }

    [RequiresRole(Roles.Seller | Roles.Service)]
    public override async Task<V1.CancelAuctionResponse> CancelAuction(
        V1.CancelAuctionRequest request, ServerCallContext context)
    {
        var caller = Caller.Of(context);
        var id = Fields.Uuid(request.AuctionId, "auction_id");
        var row = await endAuction.CancelAsync(id, caller, request.Reason, context.CancellationToken);
        return new V1.CancelAuctionResponse { Auction = AuctionMap.Auction(row, caller) };
    }
}
