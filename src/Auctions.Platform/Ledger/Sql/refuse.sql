-- Records refusals of bids. Under the locks of lock.sql and after append.sql, in the same transaction: a refusal may rest
-- on an entry of the same batch. It changes nothing, and has no version.
-- $1..$20 one array a column, as placed names them; a row a bid. basis, basis_version: the entry that was the head when it
-- was decided. Returns as append.sql does, with 'recorded' for 'appended'; is first tried without the guard "unique" as well.
with placed as (
  select i.*,
    (false
      or (select true from ledger k where k.auction_id = i.auction_id and k.bidder = i.bidder and k.key = i.key limit 1) is not null -- guard: unique
    ) as known,
    (false
      or row_number() over (partition by key, auction_id, bidder order by n) > 1 -- guard: unique
    ) as repeated
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[],
      $5::text[], $6::text[], $7::uuid[], $8::text[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::bigint[],
      $14::text[], $15::bigint[], $16::bigint[], $17::text[], $18::bigint[], $19::integer[], $20::bigint[])
    with ordinality as i (auction_id, id, basis, basis_version,
      bid_kind, bidder, key, currency, amount, max, reason, terms_digest, decided_us,
      before_status, before_price, before_ceiling, before_leader, before_end_us, before_extensions, before_bid_count, n)
),
checked as (
  select p.*,
    case when b.id is null then basis_version > (select version from auctions a where a.id = p.auction_id) end as gap,
    not known and b.id is not null
    and b.id = p.basis -- guard: basis
    and (f.id is null or f.decided_us >= p.decided_us) -- guard: superseded
    and p.before_status = b.status -- guard: before.status
    and p.before_price = b.price -- guard: before.price
    and p.before_ceiling = b.ceiling -- guard: before.ceiling
    and p.before_leader = b.leader -- guard: before.leader
    and p.before_end_us = b.end_us -- guard: before.end
    and p.before_extensions = b.extensions -- guard: before.extensions
    and p.before_bid_count = b.bid_count -- guard: before.bid_count
    and p.terms_digest = b.terms_digest -- guard: before.terms
    and not p.repeated -- guard: unique
    as stands
  from placed p
  left join lateral (select * from ledger e where e.auction_id = p.auction_id and e.version = p.basis_version limit 1) b on true
  left join lateral (select * from ledger e where e.auction_id = p.auction_id and e.version = p.basis_version + 1 limit 1) f on true
),
recorded as (
  insert into ledger (auction_id, id, prev, basis, kind, origin,
    bid_kind, bidder, key, currency, amount, max, outcome, reason, terms_digest, decided_us)
  select auction_id, id, basis, basis_version, 'bid', 'redis',
    bid_kind, bidder, key, currency, amount, max, 'refused', reason, terms_digest, decided_us
  from checked where stands and reason <> 'velocity' -- which says nothing of the auction, and costs no row
)
select n, case when known then 'known' when stands then 'recorded' when repeated then 'repeated' when gap then 'early' else 'refused' end as became
from checked
