-- Accepted bids, newest first, below a version. $1 auction id, $2 version (exclusive), $3 limit.
select {ledger} from ledger where auction_id = $1 and version < $2 and kind = 'bid' order by version desc limit $3
