-- Answers by bidder and key, after the given pair. $1 auction id, $2 bidder and $3 key (exclusive), $4 limit.
select * from answers where auction_id = $1 and (bidder, key) > ($2, $3) order by bidder, key limit $4
