-- The heads of chains. $1 auction ids; those that there are, in no order.
select {head}, outside_version from auctions where id = any($1)
