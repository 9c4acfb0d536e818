-- Appends accepted bids to their auctions' chains. Under lock_auctions.sql, in the same transaction. None of the keys
-- has an answer yet: a caller that is not sure has looked under the same locks, and the unique index makes certain. $1
-- decided_bid[], $2 entry_state[]: a row for each bid; an auction's bids stand together, in version order. $3, $4, $5:
-- the auctions, and the places (from 1) of each one's first and last bid. Returns a row for each bid that does not
-- join: n (its place) and its status, conflict or early; and one row whose n is how many bids were appended.
--
--  1. heads     the auctions, with the heads of their chains
--  2. checked   each bid beside its tip, which it must follow: the bid before it in the batch, or the head; and the
--               guards. Each keeps something out by itself (the tests take each line out and see it get in)
--  3. broken    where an auction's first bid does not follow: none after it joins
--  4. chained   what joins
--  5. insert the entries, move the heads
--
-- Plans are made once for each connection, maybe on a small database: so heads are read in a subselect that can only be
-- an index look-up, and are moved by ctid (the rows are locked). Wide rows are materialized once, in checked. Every
-- node of a plan and every column of it costs something in a small append: broken is computed once, and no subselect
-- has a column that is not used.
with heads as (
  select s.first, s.last, h.*
  from unnest($3::uuid[], $4::integer[], $5::integer[]) as s (auction_id, first, last)
  left join lateral (
    select ctid as place, version, head, status, price, ceiling, leader, end_us, extensions, bid_count,
      terms_digest, reserve
    from auctions a where a.id = s.auction_id limit 1) h on true
),
checked as materialized (
  select n + first - 1 as n, n + first - 1 = last as ends, auction_id, place,
    coalesce(b.version > coalesce(tip_version, h.version) + 1, false) as gap,
    place is not null
    and prev = coalesce(tip_id, h.head) -- guard: pred.id
    and b.version = coalesce(tip_version, h.version) + 1 -- guard: pred.version
    and before_status = coalesce(tip_status, h.status) -- guard: before.status
    and before_price = coalesce(tip_price, h.price) -- guard: before.price
    and before_ceiling = coalesce(tip_ceiling, h.ceiling) -- guard: before.ceiling
    and before_leader = coalesce(tip_leader, h.leader) -- guard: before.leader
    and before_end_us = coalesce(tip_end_us, h.end_us) -- guard: before.end
    and before_extensions = coalesce(tip_extensions, h.extensions) -- guard: before.extensions
    and before_bid_count = coalesce(tip_bid_count, h.bid_count) -- guard: before.bid_count
    and b.terms_digest = h.terms_digest -- guard: before.terms
    and before_status in ('scheduled', 'active') -- guard: over
    and b.decided_us < before_end_us -- guard: end
    and b.status = 'active' -- guard: after.status
    and b.price >= before_price -- guard: after.price
    and b.ceiling >= before_ceiling -- guard: after.ceiling
    and (b.price > before_price or b.ceiling > before_ceiling) -- guard: after.rises
    and b.price <= b.ceiling and b.ceiling <= 9007199254740991 -- guard: after.bounds
    and b.bid_count = before_bid_count + 1 -- guard: after.bid_count
    as follows,
    b.id, prev, b.version, bid_kind, bidder, key, b.currency, amount, max, offered, outcome,
    b.terms_digest, b.decided_us,
    b.status, b.price, b.ceiling, b.leader, b.end_us, b.extensions, b.bid_count, b.price >= h.reserve as reserve_met
  from heads h
  cross join lateral rows from (
      unnest(($1::decided_bid[])[first : last]),
      unnest(($2::entry_state[])[first : last]),
      unnest(array_prepend(null, ($2::entry_state[])[first : last - 1])))
    with ordinality as b (
      auction_id, prev, bid_kind, bidder, key, currency, amount, max, offered, outcome, reason,
      terms_digest, decided_us,
      before_status, before_price, before_ceiling, before_leader, before_end_us, before_extensions, before_bid_count,
      id, version, status, price, ceiling, leader, end_us, extensions, bid_count,
      tip_id, tip_version, tip_status, tip_price, tip_ceiling, tip_leader, tip_end_us, tip_extensions, tip_bid_count, n)
),
broken as materialized (
  select auction_id, min(n) as from_n, min(n) filter (where not gap) as conflict_from
  from checked where follows is not true group by auction_id
),
chained as not materialized (
  select c.*, b.conflict_from,
    b.from_n is null or n < b.from_n as joins,
    ends or n + 1 = b.from_n as last
  from checked c left join broken b on b.auction_id = c.auction_id
),
appended as (
  insert into ledger (auction_id, id, prev, version, kind, origin,
    bid_kind, bidder, key, currency, amount, max, offered, outcome, reason, terms_digest, decided_us,
    status, price, ceiling, leader, end_us, extensions, bid_count, reserve_met)
  select auction_id, id, prev, version, 'bid', 'redis',
    bid_kind, bidder, key, currency, amount, max, offered, outcome, '', terms_digest, decided_us,
    status, price, ceiling, leader, end_us, extensions, bid_count, reserve_met
  from chained where joins
  returning 1
),
moved as (
  update auctions a set version = l.version, head = l.id,
    status = l.status, price = l.price, ceiling = l.ceiling, leader = l.leader, end_us = l.end_us,
    extensions = l.extensions, bid_count = l.bid_count, reserve_met = l.reserve_met, decided_us = l.decided_us
  from (select * from chained where joins and last) l
  where a.ctid = l.place
)
select n, case when n >= conflict_from then 'conflict' else 'early' end as status from chained where not joins
union all
select count(*), 'appended' from appended
