-- The heads of the chains of the auctions that exist, in no order, and the time. $1 auction ids.
select {head}, outside_version, now_us() from auctions where id = any($1)
