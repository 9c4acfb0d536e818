-- Ledgers of auctions: one after the other, each in version order, with its rejected bids last. $1 auction ids.
select {ledger} from ledger where auction_id = any($1) order by auction_id, version nulls last
