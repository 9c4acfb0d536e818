-- Starts scheduled auctions whose start has come. Run it after lock_auctions.sql, in the same transaction. $1 auction
-- ids. Leaves alone those that this transaction has not locked. Returns the ids of the auctions that it started.
with clock as materialized (select now_us() as now_us),
due as (
  select a.*, gen_random_uuid() as entry, a.version + 1 as next,
    greatest(clock.now_us, a.decided_us + 1) as now_us
  from clock, unnest($1::uuid[]) asked (id)
  cross join lateral (select ctid as place, * from auctions a where a.id = asked.id limit 1) a
  where a.status = 'scheduled' and a.start_us <= clock.now_us
    and a.id <> all ((select current_setting('auctions.unlocked'))::uuid[]) -- guard: start.locked
),
appended as (
  insert into ledger (auction_id, id, prev, version, kind, origin, terms_digest, decided_us,
    status, price, ceiling, leader, end_us, extensions, bid_count, reserve_met)
  select id, entry, head, next, 'started', 'lifecycle', terms_digest, now_us,
    'active', price, ceiling, leader, end_us, extensions, bid_count, reserve_met
  from due
)
update auctions set
  version = due.next, head = due.entry, outside_version = due.next, status = 'active', decided_us = due.now_us
from due where auctions.ctid = due.place
returning auctions.id
