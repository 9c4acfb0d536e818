-- Records refusals of bids. Under the locks of lock.sql and after append.sql, in the same transaction: a refusal may rest
-- on an entry of the same batch. It changes nothing, and has no version.
-- $1..$20 one array a column, as incoming names them; a row a bid. basis, basis_version: the entry that was the head when it
-- was decided. Returns as append.sql does, with 'recorded' for 'appended'.
with incoming as (
  select i.*, a.version as head_version, a.id is not null as auction_exists,
    (false
      or exists (select from ledger k where k.auction_id = i.auction_id and k.bidder = i.bidder and k.key = i.key) -- guard: unique
    ) as known,
    row_number() over (partition by i.auction_id, i.bidder, i.key order by n) > 1 as repeated
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[],
      $5::text[], $6::text[], $7::uuid[], $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::bigint[],
      $14::text[], $15::bigint[], $16::bigint[], $17::text[], $18::bigint[], $19::integer[], $20::bigint[])
    with ordinality as i (auction_id, id, basis, basis_version,
      bid_kind, bidder, key, currency, amount, max, reason, terms_digest, decided_us,
      before_status, before_price, before_ceiling, before_leader, before_end_us, before_extensions, before_bid_count, n)
  left join auctions a on a.id = i.auction_id
),
checked as (
  select i.*, i.basis_version > i.head_version as gap,
    b.id is not null
    and b.id = i.basis -- guard: basis
    and (f.id is null or f.decided_us >= i.decided_us) -- guard: superseded
    and i.before_status = b.status -- guard: before.status
    and i.before_price = b.price -- guard: before.price
    and i.before_ceiling = b.ceiling -- guard: before.ceiling
    and i.before_leader = b.leader -- guard: before.leader
    and i.before_end_us = b.end_us -- guard: before.end
    and i.before_extensions = b.extensions -- guard: before.extensions
    and i.before_bid_count = b.bid_count -- guard: before.bid_count
    and i.terms_digest = b.terms_digest -- guard: before.terms
    and not repeated -- guard: unique
    as stands
  from incoming i
  left join lateral (select * from ledger e where e.auction_id = i.auction_id and e.version = i.basis_version limit 1) b on true
  left join lateral (select * from ledger e where e.auction_id = i.auction_id and e.version = i.basis_version + 1 limit 1) f on true
  where not known
),
recorded as (
  insert into ledger (auction_id, id, prev, basis, kind, origin,
    bid_kind, bidder, key, currency, amount, max, outcome, reason, terms_digest, decided_us)
  select auction_id, id, basis, basis_version, 'bid', 'redis',
    bid_kind, bidder, key, currency, amount, max, 'refused', reason, terms_digest, decided_us
  from checked where stands
)
select n, case when stands then 'recorded' when repeated then 'repeated' when gap and auction_exists then 'early' else 'refused' end as became
from checked
union all
select n, 'known' from incoming where known
