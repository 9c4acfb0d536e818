-- A purchase closes an auction at once, by a status of its own, and decision times never fall.

alter domain auction_status drop constraint auction_status_check;
alter domain auction_status add constraint auction_status_check
  check (value in ('scheduled', 'active', 'bought', 'ended', 'cancelled'));
alter domain end_cause drop constraint end_cause_check;
alter domain end_cause add constraint end_cause_check
  check (value in ('', 'time', 'bought_now', 'ended_by_seller', 'ended_by_service'));

-- What is due: closers claim a bought auction at once.
drop index auctions_due;
create index auctions_due on auctions (end_us) where status in ('scheduled', 'active', 'bought');

-- The rules that each record was written under (Rules.Version in Auctions.Core): 1 until this migration. Neither default
-- costs a pass over the table.
alter table ledger add column rules smallint not null default 1;
alter table ledger alter column rules set default 2;

-- An auction opens by the ledger's clock, whatever its inserter says.
create or replace function auction_opens() returns trigger language plpgsql as $$
begin
  new.terms := auction_terms(new.seller_id, new.currency, new.opening, new.reserve, new.buy_now,
    new.soft_close_window_us, new.soft_close_extension_us, new.max_extensions, new.start_us, new.increment);
  new.terms_digest := terms_digest(new.terms);
  new.version := 0;
  new.head := gen_random_uuid();
  new.outside_version := 0;
  new.decided_us := now_us();
  new.status := case when new.start_us <= new.decided_us then 'active' else 'scheduled' end;
  new.price := 0;
  new.ceiling := 0;
  new.leader := '';
  new.end_us := new.original_end_us;
  new.extensions := 0;
  new.bid_count := 0;
  new.reserve_met := new.price >= new.reserve;
  new.winner := '';
  new.end_reason := '';
  new.cancel_reason := '';
  return new;
end $$;

-- As in 0010_readable_rows.sql. In addition: a purchase is final, only a bid is one, and each entry is decided
-- later than the one before it.
create or replace function auction_amended() returns trigger language plpgsql as $$
declare
  broken text;
begin
  if (new.id, new.create_key, new.created_us, new.version, new.head, new.outside_version, new.decided_us, new.winner, new.end_reason)
    is distinct from
     (old.id, old.create_key, old.created_us, old.version, old.head, old.outside_version, old.decided_us, old.winner, old.end_reason)
  then
    raise exception 'auction %: id, create_key, created_us, version, head, outside_version, decided_us, winner and end_reason are the ledger''s to set', old.id
      using errcode = 'integrity_constraint_violation';
  end if;

  broken := changed_state_fault(old, new);
  if broken is not null then raise exception 'auction %: %', old.id, broken using errcode = 'check_violation'; end if;

  new.terms := auction_terms(new.seller_id, new.currency, new.opening, new.reserve, new.buy_now,
    new.soft_close_window_us, new.soft_close_extension_us, new.max_extensions, new.start_us, new.increment);
  new.terms_digest := terms_digest(new.terms);
  new.reserve_met := new.price >= new.reserve;
  if (new.terms, new.status, new.price, new.ceiling, new.leader, new.end_us, new.extensions, new.bid_count)
    is not distinct from
     (old.terms, old.status, old.price, old.ceiling, old.leader, old.end_us, old.extensions, old.bid_count)
  then
    return new; -- texts and pictures
  end if;

  if old.status in ('ended', 'cancelled') then
    raise exception 'auction % is sealed: nothing follows the sealing entry', old.id
      using errcode = 'integrity_constraint_violation';
  end if;
  if old.status = 'bought' then
    raise exception 'auction % is bought: a purchase is final, and only the sealing entry follows it', old.id
      using errcode = 'integrity_constraint_violation';
  end if;
  if new.status = 'bought' then
    raise exception 'auction %: only a bid at the buy-it-now price makes an auction bought', old.id
      using errcode = 'integrity_constraint_violation';
  end if;
  if new.status = 'ended' then
    raise exception 'auction %: an auction ends by its end_us, through AuctionService, which declares the winner: set end_us instead', old.id
      using errcode = 'integrity_constraint_violation';
  end if;

  new.version := old.version + 1;
  new.head := gen_random_uuid();
  new.outside_version := new.version;
  new.decided_us := greatest(now_us(), old.decided_us + 1);
  if new.status = 'cancelled' then
    perform record_head(new, old.head, 'sealed', false);
  else
    perform record_head(new, old.head, 'amended', true);
  end if;
  return new;
end $$;
