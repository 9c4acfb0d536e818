-- Starts scheduled auctions whose start has come. Under lock.sql. $1 auction ids, $2 now; returns those started.
with due as (
  select a.*, gen_random_uuid() as entry, a.version + 1 as next
  from unnest($1::uuid[]) asked (id)
  cross join lateral (select ctid as place, * from auctions a where a.id = asked.id limit 1) a
  where a.status = 'scheduled' and a.start_us <= $2
),
appended as (
  insert into ledger (auction_id, id, prev, version, kind, origin, terms_digest, decided_us,
    status, price, ceiling, leader, end_us, extensions, bid_count, reserve_met)
  select id, entry, head, next, 'started', 'lifecycle', terms_digest, $2,
    'active', price, ceiling, leader, end_us, extensions, bid_count, reserve_met
  from due
)
update auctions a set version = next, head = entry, outside_version = next, status = 'active', decided_us = $2
from due where a.ctid = due.place
returning a.id
