-- Claims auctions whose end has come or that are bought, until the transaction ends. It skips auctions that another
-- wave has claimed. A purchase ends the auction at its decision time, which may be a second ahead of the ledger's
-- clock.
-- $1 limit, $2 auction ids to leave out.
select a.id
from (
  select id, end_us from auctions
  where status in ('scheduled', 'active', 'bought')
    and end_us <= (select now_us() + 1000000) and (status = 'bought' or end_us <= (select now_us()))
    and id <> all ($2::uuid[])
  order by end_us
) a
cross join lateral (select from closings c where c.auction_id = a.id for update skip locked) taken
order by a.end_us limit $1
