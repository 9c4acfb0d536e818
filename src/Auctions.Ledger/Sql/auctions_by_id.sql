-- $1 auction ids; those that there are, in no order.
select {auction} from auctions where id = any($1)
