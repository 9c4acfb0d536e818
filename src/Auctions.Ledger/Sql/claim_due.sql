-- Takes auctions whose end has come, for as long as the transaction lasts; what another wave has taken is passed over.
-- $1 now, $2 limit.
select a.id
from (select id, end_us from auctions where status in ('scheduled', 'active') and end_us <= $1 order by end_us) a
cross join lateral (select from closings c where c.auction_id = a.id for update skip locked) taken
order by a.end_us limit $2
