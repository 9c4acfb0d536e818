-- Appends accepted bids to the chains of their auctions. Run it after lock_auctions.sql, in the same transaction.
--
-- No key may have an answer yet. A caller that is not sure looks the keys up first, under the same locks. The unique
-- index catches any mistake.
--
-- $1 decided_bid[], $2 entry_state[]: one row for each bid. The bids of one auction come one after another, in version
-- order. $3, $4, $5: the auctions, and the places (from 1) of the first and the last bid of each. $6: the
-- decision times once more, because each bid is compared with the time of its tip.
--
-- Returns one row for each bid that is not appended: n (its place) and its status: conflict, early, busy (this
-- transaction has not locked the auction), or ahead (it was decided more than a second ahead of the ledger's clock).
-- Returns one more row, whose n is the number of appended bids.
--
--  1. heads     the auctions with the heads of their chains
--  2. checked   each bid beside its tip, and the guards. The tip is what the bid must follow: the bid before it in the
--               batch, or the head. No guard is redundant: the tests remove each line and see a wrong bid get in
--  3. broken    for each auction, the first bid that does not follow its tip: neither it nor any later bid joins
--  4. chained   all bids, and whether each joins the chain
--  5. insert the entries, move the heads
--
-- A connection plans the statement only once, perhaps while the database is small. The heads are therefore read in a
-- subselect that Postgres can only run as an index look-up, and they are moved by ctid (the rows are locked). Wide rows
-- are materialized once, in checked. In a small append, each node and each column of the plan costs time: broken is
-- computed once, and no subselect has an unused column.
with heads as (
  select s.first, s.last, h.*,
    h.place is not null and s.auction_id = any ((select current_setting('auctions.unlocked'))::uuid[]) as busy
  from unnest($3::uuid[], $4::integer[], $5::integer[]) as s (auction_id, first, last)
  left join lateral (
    select ctid as place, version, head, status, price, ceiling, leader, end_us, extensions, bid_count,
      terms_digest, reserve, decided_us, now_us() + 1000000 as latest_us
    from auctions a where a.id = s.auction_id limit 1) h on true
),
checked as materialized (
  select n + first - 1 as n, n + first - 1 = last as ends, auction_id, place, busy,
    coalesce(b.version > coalesce(tip_version, h.version) + 1, false) as gap,
    b.decided_us > h.latest_us as ahead,
    place is not null
    and not busy -- guard: locked
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
    and b.decided_us >= coalesce(tip_decided_us, h.decided_us) + (bid_kind = 'buy_now')::integer -- guard: time
    and b.decided_us <= h.latest_us -- guard: ahead
    and b.status = case bid_kind when 'buy_now' then 'bought' else 'active' end -- guard: after.status
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
      unnest(array_prepend(null, ($2::entry_state[])[first : last - 1])),
      unnest(array_prepend(null, ($6::bigint[])[first : last - 1])))
    with ordinality as b (
      auction_id, prev, bid_kind, bidder, key, currency, amount, max, offered, outcome, reason,
      terms_digest, decided_us,
      before_status, before_price, before_ceiling, before_leader, before_end_us, before_extensions, before_bid_count,
      id, version, status, price, ceiling, leader, end_us, extensions, bid_count,
      tip_id, tip_version, tip_status, tip_price, tip_ceiling, tip_leader, tip_end_us, tip_extensions, tip_bid_count,
      tip_decided_us, n)
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
select n, case when busy then 'busy' when ahead then 'ahead' when n >= conflict_from then 'conflict' else 'early' end
  as status
from chained where not joins
union all
select count(*), 'appended' from appended
