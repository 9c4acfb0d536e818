-- Entries in version order, after a version. $1 auction id, $2 version (exclusive), $3 limit.
select {ledger} from ledger where auction_id = $1 and version > $2 order by version limit $3
