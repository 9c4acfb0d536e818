-- Claims auctions whose end has come, until the transaction ends. It skips auctions that another wave has claimed.
-- $1 limit.
select a.id
from (
  select id, end_us from auctions
  where status in ('scheduled', 'active') and end_us <= (select now_us()) order by end_us
) a
cross join lateral (select from closings c where c.auction_id = a.id for update skip locked) taken
order by a.end_us limit $1
