-- Like lock_auctions.sql, but waits in the queue of each row's lock, in id order, so that transactions cannot deadlock.
-- If a wait takes longer than lock_timeout, the transaction ends with SQLSTATE 55P03. $1 auction ids.
with asked as materialized (select distinct unnest($1::uuid[]) as id order by 1),
locked as materialized (
  select id from asked cross join lateral (select from auctions a where a.id = asked.id for no key update) taken
)
select set_config('auctions.unlocked', coalesce(array_agg(id), '{}')::text, true)
from asked where id not in (select id from locked)
