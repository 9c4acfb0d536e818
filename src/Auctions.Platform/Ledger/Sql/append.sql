-- Appends accepted bids to their auctions' chains. Under the locks of lock.sql, in the same transaction.
-- $1..$28 one array a column, as incoming names them; a row a bid, an auction's in version order.
-- Returns a row a bid: n (its place, from 1) and what became of it:
--   appended, known (its key has an answer: see answers.sql), early, refused, repeated (its key came before in this batch).
--
--  1. incoming  the bids; with each the head of its auction, and the answer that its key has already
--  2. linked    each new bid next to what it must rest on: the bid before it in the batch, or the head
--  3. checked   the guards: each line alone keeps something out (the tests take each line out and see it get in)
--  4. chained   a bid joins only if all before it in its auction joined
--  5. insert the entries, move the heads
with incoming as (
  select i.*,
    a.version as head_version, a.head, a.status, a.price, a.ceiling, a.leader, a.end_us, a.extensions, a.bid_count,
    a.terms_digest as head_terms_digest, a.reserve,
    (false
      or exists (select from ledger k where k.auction_id = i.auction_id and k.bidder = i.bidder and k.key = i.key) -- guard: unique
    ) as known,
    row_number() over (partition by i.auction_id, i.bidder, i.key order by n) > 1 as repeated
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[],
      $5::text[], $6::text[], $7::uuid[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::text[], $14::bigint[],
      $15::text[], $16::bigint[], $17::bigint[], $18::text[], $19::bigint[], $20::integer[], $21::bigint[],
      $22::text[], $23::bigint[], $24::bigint[], $25::text[], $26::bigint[], $27::integer[], $28::bigint[])
    with ordinality as i (auction_id, id, prev, version,
      bid_kind, bidder, key, currency, amount, max, offered, outcome, terms_digest, decided_us,
      before_status, before_price, before_ceiling, before_leader, before_end_us, before_extensions, before_bid_count,
      after_status, after_price, after_ceiling, after_leader, after_end_us, after_extensions, after_bid_count, n)
  left join auctions a on a.id = i.auction_id
),
linked as (
  select i.*,
    coalesce(lag(i.id) over batch, head) as tip,
    coalesce(lag(i.version) over batch, head_version) as tip_version,
    coalesce(lag(after_status) over batch, status) as tip_status,
    coalesce(lag(after_price) over batch, price) as tip_price,
    coalesce(lag(after_ceiling) over batch, ceiling) as tip_ceiling,
    coalesce(lag(after_leader) over batch, leader) as tip_leader,
    coalesce(lag(after_end_us) over batch, end_us) as tip_end_us,
    coalesce(lag(after_extensions) over batch, extensions) as tip_extensions,
    coalesce(lag(after_bid_count) over batch, bid_count) as tip_bid_count
  from incoming i
  where not known
  window batch as (partition by auction_id order by n)
),
checked as (
  select l.*, version > tip_version + 1 as gap,
    head is not null
    and prev = tip -- guard: pred.id
    and version = tip_version + 1 -- guard: pred.version
    and before_status = tip_status -- guard: before.status
    and before_price = tip_price -- guard: before.price
    and before_ceiling = tip_ceiling -- guard: before.ceiling
    and before_leader = tip_leader -- guard: before.leader
    and before_end_us = tip_end_us -- guard: before.end
    and before_extensions = tip_extensions -- guard: before.extensions
    and before_bid_count = tip_bid_count -- guard: before.bid_count
    and terms_digest = head_terms_digest -- guard: before.terms
    and before_status in ('scheduled', 'active') -- guard: over
    and decided_us < before_end_us -- guard: end
    and after_status = 'active' -- guard: after.status
    and after_price >= before_price -- guard: after.price
    and after_ceiling >= before_ceiling -- guard: after.ceiling
    and (after_price > before_price or after_ceiling > before_ceiling) -- guard: after.rises
    and after_price <= after_ceiling and after_ceiling <= 9007199254740991 -- guard: after.bounds
    and after_bid_count = before_bid_count + 1 -- guard: after.bid_count
    and not repeated -- guard: unique
    as follows
  from linked l
),
chained as (
  select c.*,
    bool_and(follows) over so_far as joins,
    bool_or(not follows and not gap) over so_far as refused
  from checked c
  window so_far as (partition by auction_id order by n)
),
appended as (
  insert into ledger (auction_id, id, prev, version, kind, origin,
    bid_kind, bidder, key, currency, amount, max, offered, outcome, reason, terms_digest, decided_us,
    status, price, ceiling, leader, end_us, extensions, bid_count, reserve_met)
  select auction_id, id, prev, version, 'bid', 'redis',
    bid_kind, bidder, key, currency, amount, max, offered, outcome, '', terms_digest, decided_us,
    after_status, after_price, after_ceiling, after_leader, after_end_us, after_extensions, after_bid_count, after_price >= reserve
  from chained where joins
),
moved as (
  update auctions a set version = l.version, head = l.id,
    status = l.after_status, price = l.after_price, ceiling = l.after_ceiling, leader = l.after_leader, end_us = l.after_end_us,
    extensions = l.after_extensions, bid_count = l.after_bid_count, reserve_met = l.after_price >= a.reserve, decided_us = l.decided_us
  from (select distinct on (auction_id) * from chained where joins order by auction_id, n desc) l
  where a.id = l.auction_id
)
select n, case when joins then 'appended' when repeated then 'repeated' when refused or head is null then 'refused' else 'early' end as became
from chained
union all
select n, 'known' from incoming where known
