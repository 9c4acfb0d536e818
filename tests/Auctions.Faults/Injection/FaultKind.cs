namespace Auctions.Faults.Injection;

/// <summary>What a run breaks.</summary>
public enum FaultKind
{
    /// <summary>kill -9 of the primary, restart from its AOF.</summary>
    RedisKill,
    /// <summary>SIGSTOP of the primary for 1 to 4 s.</summary>
    RedisStop,
    /// <summary>FLUSHALL.</summary>
    RedisFlush,
    /// <summary>kill -9 of the primary, and its AOF loses its last second or two before the restart, in the middle of a command.</summary>
    RedisAofTruncated,
    /// <summary>A replica that has missed the last second or two is promoted, and the primary is killed.</summary>
    RedisStaleReplica,
    /// <summary>The same, and for seconds one instance of BiddingService goes on with the old primary and all others with the new one.</summary>
    RedisSplit,
    /// <summary>kill -9 of the server, with or without its children, and restart.</summary>
    PostgresKill,
    BiddingKill,
    AuctionKill,
    UpdaterKill,
    GatewayKill,
    RelayKill,
    /// <summary>Between one instance of BiddingService and Redis: connections reset, new ones refused.</summary>
    CutBiddingRedis,
    /// <summary>The same to Postgres.</summary>
    CutBiddingPostgres,
    /// <summary>Between one instance of BiddingService and Redis: bytes stop flowing, and nobody is told.</summary>
    HoldBiddingRedis,
    /// <summary>The same to Postgres.</summary>
    HoldBiddingPostgres,
    /// <summary>Killed by somebody else, found dead and started again. Not planned.</summary>
    Outside,
}
