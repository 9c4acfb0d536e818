-- The ledger's answers to keys. $1 auction ids, $2 bidders, $3 keys. The last column, n, is the place in the arrays,
-- from 1. The subselect with its limit makes Postgres look up each key in the index.
select a.*, k.n
from unnest($1::uuid[], $2::text[], $3::uuid[]) with ordinality as k (auction_id, bidder, key, n)
cross join lateral (
  select * from answers a where a.auction_id = k.auction_id and a.bidder = k.bidder and a.key = k.key limit 1
) a
