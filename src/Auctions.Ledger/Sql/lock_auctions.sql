-- Locks the auctions of a batch that no other transaction has locked, in id order. This is a separate statement,
-- because the next one then takes its snapshot under the lock, and sees the heads as the last holder of the lock left
-- them. $1 auction ids.
--
-- Until the end of the transaction, the setting auctions.unlocked has the ids that it did not lock: another transaction
-- holds the row, or there is no such auction. The next statements read it, and leave these auctions alone.
with asked as materialized (select distinct unnest($1::uuid[]) as id order by 1),
locked as materialized (
  select id from asked
  cross join lateral (select from auctions a where a.id = asked.id for no key update skip locked) taken
)
select set_config('auctions.unlocked', coalesce(array_agg(id), '{}')::text, true)
from asked where id not in (select id from locked)
