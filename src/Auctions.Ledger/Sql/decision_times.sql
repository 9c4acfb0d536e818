-- The times at which bids of some bidders on an auction were accepted, without purchases. The velocity limit needs them
-- without Redis.
-- $1 auction id, $2 bidders, $3 only later times (microseconds since 1970).
select bidder, decided_us from ledger
where auction_id = $1 and bidder = any($2) and key is not null and version is not null and bid_kind <> 'buy_now'
  and decided_us > $3
order by decided_us
