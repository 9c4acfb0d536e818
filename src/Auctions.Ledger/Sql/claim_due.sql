-- Takes auctions whose end has come, for as long as the transaction lasts. It skips those that another wave has taken.
-- $1 limit.
select a.id
from (
  select id, end_us from auctions
  where status in ('scheduled', 'active') and end_us <= (select now_us()) order by end_us
) a
cross join lateral (select from closings c where c.auction_id = a.id for update skip locked) taken
order by a.end_us limit $1
