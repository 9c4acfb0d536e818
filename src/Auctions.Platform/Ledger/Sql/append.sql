-- Appends accepted bids to their auctions' chains. Under the locks of lock.sql, in the same transaction.
-- $1..$28 one array a column, as placed names them; a row a bid, an auction's in version order.
-- Returns a row a bid: n (its place, from 1) and what became of it:
--   appended, known (its key has an answer: see answers_to_keys.sql), early, refused, repeated (its key came before in this batch).
--
--  1. placed    the bids, and whether their keys have answers already
--  2. linked    each new bid next to what it must rest on, its tip: the bid before it in the batch, or the head
--  3. checked   the guards: each line alone keeps something out (the tests take each line out and see it get in)
--  4. broken    where an auction's first bid does not follow: none after it joins
--  5. chained   what joins
--  6. insert the entries, move the heads
--
-- Plans are made once a connection, maybe on a small database: so heads and answers are looked up in subselects that can
-- be nothing but look-ups by index, and heads are moved by ctid (the rows are locked). A head is looked up for a bid whose
-- neighbour is another auction's: once an auction where the caller keeps an auction's bids together.
-- PostgresLedger first tries it without the lines of the guard "unique", for the index says the same, and is asked anyway.
with placed as (
  select i.*,
    auction_id is distinct from ($1)[n - 1]
      or true -- guard: unique
    as opens,
    (false
      or (select true from ledger k where k.auction_id = i.auction_id and k.bidder = i.bidder and k.key = i.key limit 1) is not null -- guard: unique
    ) as known,
    (false
      or row_number() over (partition by key, auction_id, bidder order by n) > 1 -- guard: unique
    ) as repeated
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[],
      $5::text[], $6::text[], $7::uuid[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::text[], $14::bigint[],
      $15::text[], $16::bigint[], $17::bigint[], $18::text[], $19::bigint[], $20::integer[], $21::bigint[],
      $22::text[], $23::bigint[], $24::bigint[], $25::text[], $26::bigint[], $27::integer[], $28::bigint[])
    with ordinality as i (auction_id, id, prev, version,
      bid_kind, bidder, key, currency, amount, max, offered, outcome, terms_digest, decided_us,
      before_status, before_price, before_ceiling, before_leader, before_end_us, before_extensions, before_bid_count,
      after_status, after_price, after_ceiling, after_leader, after_end_us, after_extensions, after_bid_count, n)
),
linked as (
  select p.*,
    coalesce(lag(p.id) over batch, h.head) as tip,
    coalesce(lag(p.version) over batch, h.version) as tip_version,
    coalesce(lag(after_status) over batch, h.status) as tip_status,
    coalesce(lag(after_price) over batch, h.price) as tip_price,
    coalesce(lag(after_ceiling) over batch, h.ceiling) as tip_ceiling,
    coalesce(lag(after_leader) over batch, h.leader) as tip_leader,
    coalesce(lag(after_end_us) over batch, h.end_us) as tip_end_us,
    coalesce(lag(after_extensions) over batch, h.extensions) as tip_extensions,
    coalesce(lag(after_bid_count) over batch, h.bid_count) as tip_bid_count,
    lead(n) over batch as next,
    first_value(h.ctid) over batch as place,
    first_value(h.terms_digest) over batch as head_terms_digest,
    first_value(h.reserve) over batch as reserve
  from placed p
  left join lateral (select ctid, * from auctions a where a.id = p.auction_id and p.opens limit 1) h on true
  window batch as (partition by p.auction_id, p.known order by n)
),
checked as (
  select l.*, coalesce(version > tip_version + 1, false) as gap,
    not known and place is not null
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
broken as (
  select auction_id, min(n) as from_n, min(n) filter (where not gap) as refused_from
  from checked where follows is not true and not known group by auction_id
),
chained as (
  select c.*, b.refused_from,
    not known and (b.from_n is null or n < b.from_n) as joins,
    next is null or next = b.from_n as last
  from checked c left join broken b on b.auction_id = c.auction_id
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
  from (select * from chained where joins and last) l
  where a.ctid = l.place
)
select n, case when known then 'known' when joins then 'appended' when repeated then 'repeated'
  when n >= refused_from then 'refused' else 'early' end as became
from chained
