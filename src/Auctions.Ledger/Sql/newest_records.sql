-- The newest records of an auction, as stored, rejected bids too, newest first. $1 auction id, $2 limit.
select {ledger} from ledger where auction_id = $1
order by coalesce(version, basis) desc, version nulls first, decided_us desc limit $2
