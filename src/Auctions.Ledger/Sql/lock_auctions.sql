-- Locks the auctions of a batch, in id order so that batches cannot lock each other out. A statement of its own: the
-- next one's snapshot is then taken under the lock, and sees the heads as the last holder left them.
-- $1 auction ids
select count(*)
from (select distinct unnest($1::uuid[]) as id order by 1) asked
cross join lateral (select from auctions a where a.id = asked.id for no key update) locked
