-- The auctions that exist, in no order. $1 auction ids.
select {auction} from auctions where id = any($1)
