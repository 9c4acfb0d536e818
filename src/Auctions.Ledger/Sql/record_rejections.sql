-- Records rejected bids. Run it after lock_auctions.sql and append.sql, in the same transaction: a rejection may rest
-- on an entry of the same batch. A rejection changes nothing and has no version. As in append.sql, no key may have an
-- answer yet. $1 decided_bid[], $2 entry_state[]: one row for each bid, whose basis and version name the entry that was
-- the head when the bid was decided. $3: how old each bid's call was when this transaction began, in microseconds.
-- The result is like that of append.sql, with 'recorded' instead of 'appended'.
--
-- A rejection whose basis is not the head any more was still right during its call if the next entry was committed
-- after the call began. An entry's recorded_at is the begin of its transaction, so it is earlier than its commit. An
-- entry of which a caller can have known is therefore always outdating; one that was committed just after the call
-- began may be, and then the bid is decided again.
with clock as materialized (select now_us() + 1000000 as latest_us, begun_us() as begun_us),
checked as materialized (
  select n, p.auction_id, p.decided_us > latest_us as ahead,
    unlocked and exists (select from auctions a where a.id = p.auction_id) as busy,
    case when b.id is null then p.version > (select version from auctions a where a.id = p.auction_id) end as gap,
    b.id is not null
    and not unlocked -- guard: locked
    and b.id = p.basis -- guard: basis
    and p.decided_us >= b.decided_us -- guard: time
    and p.decided_us <= latest_us -- guard: ahead
    and (f.decided_us is null or f.decided_us >= p.decided_us) -- guard: superseded
    and (f.recorded_us is null or f.recorded_us >= begun_us - age_us) -- guard: outdated
    and before_status = b.status -- guard: before.status
    and before_price = b.price -- guard: before.price
    and before_ceiling = b.ceiling -- guard: before.ceiling
    and before_leader = b.leader -- guard: before.leader
    and before_end_us = b.end_us -- guard: before.end
    and before_extensions = b.extensions -- guard: before.extensions
    and before_bid_count = b.bid_count -- guard: before.bid_count
    and p.terms_digest = b.terms_digest -- guard: before.terms
    as stands,
    p.id, p.basis, p.version, p.bid_kind, p.bidder, p.key, p.currency, p.amount, p.max, p.reason,
    p.terms_digest, p.decided_us
  from clock cross join lateral rows from (unnest($1::decided_bid[]), unnest($2::entry_state[]), unnest($3::bigint[]))
    with ordinality as p (
    auction_id, basis, bid_kind, bidder, key, currency, amount, max, offered, outcome, reason, terms_digest, decided_us,
    before_status, before_price, before_ceiling, before_leader, before_end_us, before_extensions, before_bid_count,
    id, version, status, price, ceiling, leader, end_us, extensions, bid_count, age_us, n)
  cross join lateral (
    select p.auction_id = any ((select current_setting('auctions.unlocked'))::uuid[]) as unlocked) l
  left join lateral (
    select id, status, price, ceiling, leader, end_us, extensions, bid_count, terms_digest, decided_us
    from ledger e where e.auction_id = p.auction_id and e.version = p.version limit 1) b on true
  left join lateral (
    select decided_us, (extract(epoch from recorded_at) * 1000000)::bigint as recorded_us
    from ledger e where e.auction_id = p.auction_id and e.version = p.version + 1 limit 1) f on true
),
recorded as (
  insert into ledger (auction_id, id, prev, basis, kind, origin,
    bid_kind, bidder, key, currency, amount, max, outcome, reason, terms_digest, decided_us)
  select auction_id, id, basis, version, 'bid', 'redis',
    bid_kind, bidder, key, currency, amount, max, 'refused', reason, terms_digest, decided_us
  from checked where stands and reason <> 'velocity' -- a velocity rejection does not depend on the auction: no row
)
select n, case when busy then 'busy' when gap then 'early' when ahead then 'ahead' else 'conflict' end as status
from checked where stands is not true
union all
select count(*), 'recorded' from checked where stands
