-- How decided bids reach append.sql and refuse.sql: an array of rows, not an array a column. Postgres unnests each array on its own, so that 28 columns were
-- 28 scans put together again: with the checks on such rows two fifths of the append.
-- The statements read them by position, those of an older version too: a new shape is a new type.

-- A bid, what it was decided on, and what came of it.
create type decided_bid as (
  auction_id         uuid,
  prev               uuid, -- the entry on top of which it was decided
  bid_kind           text,
  bidder             text,
  key                uuid,
  currency           text,
  amount             bigint,
  max                bigint,
  offered            bigint,
  outcome            text,
  reason             text,
  terms_digest       text,
  decided_us         bigint,
  before_status      text,
  before_price       bigint,
  before_ceiling     bigint,
  before_leader      text,
  before_end_us      bigint,
  before_extensions  integer,
  before_bid_count   bigint
);

-- The entry that a bid becomes, and the state after it. Of a refusal: its id, and the version and state that it leaves as they were.
create type entry_state as (
  id          uuid,
  version     bigint,
  status      text,
  price       bigint,
  ceiling     bigint,
  leader      text,
  end_us      bigint,
  extensions  integer,
  bid_count   bigint
);
