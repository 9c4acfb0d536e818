-- Locks the auctions of a batch, in id order, so that batches cannot deadlock. This is a separate statement, because
-- the next one then takes its snapshot under the lock, and sees the heads as the last holder of the lock left them.
-- $1 auction ids.
select count(*)
from (select distinct unnest($1::uuid[]) as id order by 1) asked
cross join lateral (select from auctions a where a.id = asked.id for no key update) locked
