-- Locks the auctions of a batch, in id order so that batches cannot lock each other out. A statement of its own: the
-- next one's snapshot is then taken under the lock, and sees the heads as the last holder left them.
-- $1 auction ids
select count(*) from (select from auctions where id = any($1) order by id for no key update) locked
