using System.Text;
using Auctions.Events;
using CdcRedisUpdater;

namespace Auctions.IntegrationTests.Updater;

/// <summary>What of a batch is looked at.</summary>
public sealed class CompactionTests
{
    private static readonly Guid Vase = Guid.NewGuid(), Clock = Guid.NewGuid();

    [Fact]
    public void Of_each_auction_the_highest_version_is_looked_at_whatever_the_order()
    {
        var latest = RepairRedis.LatestHeads(
            [Row(Vase, 3), Row(Clock, 1), Row(Vase, 5), Row(Vase, 4), Tombstone(Clock)], (_, exception) => throw exception);
        Assert.Equal([(Vase, 5L), (Clock, 1L)], latest.Select(head => (head.AuctionId, head.Version)));
    }

    [Fact]
    public void A_row_that_cannot_be_read_is_reported_and_the_others_are_looked_at()
    {
        var skipped = new List<Guid>();
        var latest = RepairRedis.LatestHeads([Row(Vase, "null"), Row(Clock, 1)], (record, _) => skipped.Add(record.AuctionId));
        Assert.Equal([Vase], skipped);
        Assert.Equal([Clock], latest.Select(head => head.AuctionId));
    }

    private static EventRecord Row(Guid auction, object version)
    {
        var after = $$"""{"version":{{version}},"head":"{{Guid.NewGuid()}}","outside_version":0}""";
        var value = """{"op":"u","source":{"table":"auctions"},"after":""" + after + "}";
        return EventRecord.Parse(KafkaTopics.Auctions, 0, 1, EventKey.Of(auction), Encoding.UTF8.GetBytes(value));
    }

    private static EventRecord Tombstone(Guid auction) => EventRecord.Parse(KafkaTopics.Auctions, 0, 9, EventKey.Of(auction), null);
}
