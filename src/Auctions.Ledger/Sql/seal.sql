-- Appends sealing entries. Run it after lock_auctions.sql, in the same transaction. $1 auction ids (each once),
-- $2 causes (time, ended_by_seller, ended_by_service, cancelled), $3 the reasons that were given for ending or
-- cancelling, $4 how long before the end who asks can no longer end an auction that would sell (microseconds; -1 for a
-- service, which always can). Returns n (the place in the arrays, from 1) and the outcome: sealed, over (it was sealed
-- before), not_yet, not_started, too_late (for the seller), busy (this transaction has not locked it), missing.
--
-- This is a statement after the one that locks, so its snapshot and its clock are taken under the lock. The ledger's
-- clock alone says whether an auction is due. The time that is written is later than the last decision, even if that
-- decision used another clock.
--
-- The winner follows from the leader, the price and the reserve. A row that somebody set to values that no bid leaves
-- (state_fault) has no winner; terms that cannot be read change nothing about bids that were accepted before.
--
--  1. judged   each request beside the head. An auction that is due or bought ends so, not by the requested cause
--  2. sealing  the state after the entry. Rules.Winner in Auctions.Core has the same rule, and ChainAudit compares both
with clock as materialized (select now_us() as now_us),
judged as (
  select s.n, s.cause, s.reason, a.*,
    a.clock_us >= a.end_us
    or a.bought -- guard: seal.bought
    as due,
    case
      when a.id is null then 'missing'
      when a.id = any ((select current_setting('auctions.unlocked'))::uuid[]) then 'busy' -- guard: seal.locked
      when a.status in ('ended', 'cancelled') then 'over'
      when a.bought or a.clock_us >= a.end_us then 'sealed'
      when s.cause = 'time' then 'not_yet' -- guard: seal.end
      when s.cause like 'ended_by_%' and a.status = 'scheduled' and a.start_us > a.clock_us then 'not_started'
      when s.cause <> 'time' and would_sell and end_us - clock_us <= s.bound_us then 'too_late' -- guard: seal.seller
      else 'sealed'
    end as outcome
  from unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[]) with ordinality as s (
    auction_id, cause, reason, bound_us, n)
  left join lateral (
    select a.ctid as place, clock.now_us as clock_us, greatest(clock.now_us, a.decided_us + 1) as now,
      a.bid_count > 0 and a.reserve_met as would_sell,
      -- Before purchases had a status of their own, the last entry was the only sign of one.
      a.status = 'bought' or coalesce(
        (select h.bid_kind = 'buy_now' from ledger h where h.auction_id = a.id and h.version = a.version limit 1),
        false) as bought,
      state_fault(a.seller_id, a.status, a.price, a.ceiling, a.leader, a.end_us, a.extensions, a.bid_count) is null
        and a.reserve between 0 and 9007199254740991 as possible,
      a.*
    from clock, auctions a where a.id = s.auction_id limit 1
  ) a on true
),
sealing as (
  select j.id, j.place, gen_random_uuid() as entry, j.head, j.version + 1 as next, j.terms_digest, j.now,
    case when cause = 'cancelled' and not due then 'cancelled' else 'ended' end as status,
    price, ceiling, leader, extensions, bid_count, reserve_met,
    case when cause like 'ended_by_%' and not due then j.now else end_us end as end_us,
    case when cause = 'cancelled' and not due or not reserve_met or not possible then '' else leader end as winner,
    case when due and bought then 'bought_now' when due then 'time' when cause like 'ended_by_%' then cause else ''
      end as end_reason,
    case when due then '' else j.reason end as cancel_reason
  from judged j where outcome = 'sealed'
),
appended as (
  insert into ledger (auction_id, id, prev, version, kind, origin, terms_digest, decided_us,
    status, price, ceiling, leader, end_us, extensions, bid_count, reserve_met, winner, end_reason)
  select id, entry, head, next, 'sealed', 'lifecycle', terms_digest, now,
    status, price, ceiling, leader, end_us, extensions, bid_count, reserve_met, winner, end_reason
  from sealing
),
moved as (
  update auctions a set version = s.next, head = s.entry, outside_version = s.next, decided_us = s.now,
    status = s.status, end_us = s.end_us, winner = s.winner, end_reason = s.end_reason, cancel_reason = s.cancel_reason
  from sealing s where a.ctid = s.place
)
select n, outcome from judged
