-- The tables of the peer designs. An auction's row is its head. Every answer, rejections too, is a row of bids with the
-- state that it left. There is one index, the primary key, which finds the answer to an idempotency key. Reading
-- histories would need another one; it is left out so that no design pays for what the benchmark does not use.
-- Units: amounts are minor units, 0 = none; *_us are microseconds since 1970, UTC.

drop schema if exists peer cascade;
create schema peer;

create table peer.auctions (
  id                uuid primary key default gen_random_uuid(),
  terms             text not null,     -- Terms.Line of Auctions.Core, for the designs in C#
  -- The same terms, for the design in plpgsql.
  seller            text not null,
  currency          text not null,
  opening           bigint not null,
  reserve           bigint not null,
  increment_kind    text not null check (increment_kind in ('fixed', 'bps')),
  increment_amount  bigint not null,
  window_us         bigint not null,
  extension_us      bigint not null,
  max_extensions    integer not null,
  start_us          bigint not null,

  version           bigint not null default 0,
  status            text not null default 'active',
  price             bigint not null default 0,
  ceiling           bigint not null default 0,
  leader            text not null default '',
  end_us            bigint not null,
  extensions        integer not null default 0,
  bid_count         bigint not null default 0
) with (fillfactor = 70); -- as the ledger's own table: the head moves without touching an index

create table peer.bids (
  auction_id  uuid not null,
  id          uuid not null,
  version     bigint not null,         -- of the state that it left: the bid's own version if accepted
  bidder      text not null,
  key         uuid not null,
  kind        text not null,
  currency    text not null,
  amount      bigint not null,
  max         bigint not null,
  outcome     text not null,
  reason      text not null,
  decided_us  bigint not null,
  status      text not null,
  price       bigint not null,
  ceiling     bigint not null,
  leader      text not null,
  end_us      bigint not null,
  extensions  integer not null,
  bid_count   bigint not null,
  primary key (auction_id, bidder, key)
);
