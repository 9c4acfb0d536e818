-- The ledger: all that ever happened to an auction, in entries 0..n without a gap, each on top of the one before it;
-- and all refusals of bids, which have no version. Append-only. auctions holds each chain's head.
-- There is no foreign key to auctions: rows come through the append and the triggers alone, both under the lock of the
-- auction's row, and auctions are never deleted; a check per row would cost a fifth of the append.

create table ledger (
  auction_id    uuid not null,
  id            uuid not null,
  prev          uuid,                -- the entry on top of which it was decided; a refusal's basis; null in opened
  version       bigint,              -- null in a refusal
  basis         bigint,              -- a refusal's: the version of the entry that it rests on
  kind          text not null check (kind in ('opened', 'started', 'bid', 'amended', 'sealed')),
  origin        text not null check (origin in ('redis', 'lifecycle', 'operator')), -- who proposed it; redis: the bid path

  -- of a bid
  bid_kind      text,                -- direct, proxy, buy_now
  bidder        text,
  key           uuid,                -- the bidder's idempotency key
  currency      text,
  amount        bigint,
  max           bigint,              -- secret
  offered       bigint,              -- what anyone may see of it; null in a refusal
  outcome       text,                -- leading, outbid, refused
  reason        text,                -- why refused; '' where accepted

  terms_digest  text not null,       -- the terms in force after it
  terms         text,                -- of opened and amended: the terms from here on
  decided_us    bigint not null,     -- by the deciding server's clock
  recorded_at   timestamptz not null default now(),

  -- the state after it; null in a refusal, which changes nothing
  status        text,
  price         bigint,
  ceiling       bigint,              -- secret
  leader        text,
  end_us        bigint,
  extensions    integer,
  bid_count     bigint,
  reserve_met   boolean,

  winner        text,                -- of sealed; '' where unsold
  end_reason    text,                -- of sealed

  check ((version is null) = (basis is not null)),
  check (version is null or status is not null)
);

-- One chain, and one answer a key: what the append's guards see to, these make certain.
create unique index ledger_chain on ledger (auction_id, version) where version is not null;
create unique index ledger_answers on ledger (auction_id, bidder, key) where key is not null;

-- With ledger_chain: the newest answers of an auction, refusals too, without a third index for any row.
create index ledger_refusals on ledger (auction_id, basis, decided_us) where basis is not null;
-- Terms of once: few rows.
create index ledger_terms on ledger (auction_id, terms_digest) where terms is not null;

create function append_only() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only: % is not possible', tg_table_name, tg_op using errcode = 'integrity_constraint_violation';
end $$;

create trigger ledger_is_append_only before update or delete or truncate on ledger
  for each statement execute function append_only();
create trigger auctions_stay before delete or truncate on auctions
  for each statement execute function append_only();

-- Answers to bids with the states before and after them. Read by position: new columns go last.
create view answers as
select l.auction_id, l.id, l.prev, coalesce(l.version, l.basis) as version,
  l.bid_kind, l.bidder, l.key, l.currency, l.amount, l.max, l.outcome, l.reason, l.terms_digest, l.decided_us,
  b.status as before_status, b.price as before_price, b.ceiling as before_ceiling, b.leader as before_leader,
  b.end_us as before_end_us, b.extensions as before_extensions, b.bid_count as before_bid_count,
  coalesce(l.status, b.status) as after_status, coalesce(l.price, b.price) as after_price,
  coalesce(l.ceiling, b.ceiling) as after_ceiling, coalesce(l.leader, b.leader) as after_leader,
  coalesce(l.end_us, b.end_us) as after_end_us, coalesce(l.extensions, b.extensions) as after_extensions,
  coalesce(l.bid_count, b.bid_count) as after_bid_count,
  l.version as entry_version, l.basis
from ledger l
cross join lateral ( -- limit: a look-up, whatever the planner knows of the tables
  select * from ledger e where e.auction_id = l.auction_id and e.version = coalesce(l.basis, l.version - 1) limit 1
) b
where l.key is not null;

-- Old rows are never touched again: autovacuum has inserts alone to follow.
alter table ledger set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
