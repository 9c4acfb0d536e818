-- The heads of the chains of the auctions that exist, in no order. $1 auction ids.
select {head}, outside_version from auctions where id = any($1)
