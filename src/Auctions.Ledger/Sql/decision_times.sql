-- When bids of some bidders were decided on an auction, for their velocity without Redis. $1 auction, $2 bidders, $3
-- since (microseconds).
select bidder, decided_us from ledger
where auction_id = $1 and bidder = any($2) and key is not null and decided_us > $3
order by decided_us
