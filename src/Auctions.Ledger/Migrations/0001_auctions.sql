-- Auctions: their terms, and the head of their chain (see 0002_ledger.sql).
-- Units: amounts are minor units of the currency, 1 to 2^53 - 1, 0 = none; *_us are microseconds since 1970, UTC.

create extension if not exists pgcrypto; -- sha1, the one digest that Redis' Lua has too

-- The canonical line of the terms: Terms.Line of Auctions.Core says the same, and a test holds the two together.
create function auction_terms(
  seller text, currency text, opening bigint, reserve bigint, buy_now bigint,
  window_us bigint, extension_us bigint, max_extensions integer, start_us bigint, increment text)
returns text language sql immutable strict parallel safe
return seller || ' ' || currency || ' ' || opening || ' ' || reserve || ' ' || buy_now
  || ' ' || window_us || ' ' || extension_us || ' ' || max_extensions || ' ' || start_us || ' ' || increment;

create function terms_digest(terms text)
returns text language sql immutable strict parallel safe
return left(encode(digest(terms, 'sha1'), 'hex'), 16);

create function now_us()
returns bigint language sql volatile parallel safe
return (extract(epoch from clock_timestamp()) * 1000000)::bigint;

create table auctions (
  id                       uuid primary key default gen_random_uuid(),
  seller_id                text not null check (seller_id ~ '^[!-~]{1,128}$'),
  create_key               uuid not null default gen_random_uuid(),  -- the seller's idempotency key
  create_digest            text not null default '',                 -- of what the seller asked for under it
  title                    text not null,
  description              text not null default '',
  media_urls               text[] not null default '{}',
  category                 text not null default '',
  post_id                  text not null default '',

  currency                 text not null check (currency ~ '^[A-Z]{3}$'),
  opening                  bigint not null check (opening between 1 and 9007199254740991),
  reserve                  bigint not null default 0 check (reserve between 0 and 9007199254740991),
  buy_now                  bigint not null default 0 check (buy_now between 0 and 9007199254740991),
  increment                text not null check (increment ~ '^(fixed|bps|ladder):[!-~]+$'),
  soft_close_window_us     bigint not null default 0 check (soft_close_window_us >= 0),
  soft_close_extension_us  bigint not null default 0 check (soft_close_extension_us >= 0),
  max_extensions           integer not null default 0 check (max_extensions >= 0),
  start_us                 bigint not null,
  original_end_us          bigint not null,
  created_us               bigint not null default now_us(),
  terms                    text not null,   -- by trigger: auction_terms of the above
  terms_digest             text not null,   -- by trigger

  -- The head: the last entry of the ledger, and the state after it.
  version                  bigint not null,
  head                     uuid not null,
  status                   text not null check (status in ('scheduled', 'active', 'ended', 'cancelled')),
  price                    bigint not null,
  ceiling                  bigint not null, -- what the leader would pay at most: secret
  leader                   text not null,
  end_us                   bigint not null, -- effective, extensions included
  extensions               integer not null,
  bid_count                bigint not null,
  reserve_met              boolean not null,
  decided_us               bigint not null,
  outside_version          bigint not null, -- the last entry that Redis did not propose

  winner                   text not null default '',
  end_reason               text not null default '' check (end_reason in ('', 'time', 'bought_now', 'ended_by_seller')),
  cancel_reason            text not null default '',

  unique (seller_id, create_key),
  check (start_us < original_end_us)
) with (fillfactor = 70); -- room for the head to move without touching an index (HOT)

create index auctions_due on auctions (end_us) where status in ('scheduled', 'active');
create index auctions_starting on auctions (start_us) where status = 'scheduled';
create index auctions_newest on auctions (created_us desc, id);
