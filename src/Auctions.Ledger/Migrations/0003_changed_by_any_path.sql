-- Whatever changes an auction is an entry. The services write entries themselves and say so in the setting
-- auctions.writer ('ledger'); for anyone else, and for changes of terms ('lifecycle'), the trigger writes the entry.

-- An auction opens with entry 0, whoever inserts it. What an inserter says about the state counts for nothing.
create function auction_opens() returns trigger language plpgsql as $$
begin
  new.terms := auction_terms(new.seller_id, new.currency, new.opening, new.reserve, new.buy_now,
    new.soft_close_window_us, new.soft_close_extension_us, new.max_extensions, new.start_us, new.increment);
  new.terms_digest := terms_digest(new.terms);
  new.version := 0;
  new.head := gen_random_uuid();
  new.outside_version := 0;
  new.status := case when new.start_us <= new.created_us then 'active' else 'scheduled' end;
  new.price := 0;
  new.ceiling := 0;
  new.leader := '';
  new.end_us := new.original_end_us;
  new.extensions := 0;
  new.bid_count := 0;
  new.reserve_met := new.price >= new.reserve;
  new.decided_us := new.created_us;
  new.winner := '';
  new.end_reason := '';
  new.cancel_reason := '';
  return new;
end $$;

-- Appends the entry that a row's new head stands for.
create function record_head(a auctions, previous uuid, entry_kind text, with_terms boolean) returns void language sql as $$
  insert into ledger (auction_id, id, prev, version, kind, origin, terms_digest, terms, decided_us,
    status, price, ceiling, leader, end_us, extensions, bid_count, reserve_met, winner, end_reason)
  values (a.id, a.head, previous, a.version, entry_kind,
    case when current_setting('auctions.writer', true) in ('ledger', 'lifecycle') then 'lifecycle' else 'operator' end,
    a.terms_digest, case when with_terms then a.terms end, a.decided_us,
    a.status, a.price, a.ceiling, a.leader, a.end_us, a.extensions, a.bid_count, a.reserve_met,
    case when entry_kind = 'sealed' then a.winner end, case when entry_kind = 'sealed' then a.end_reason end)
$$;

create function auction_opened() returns trigger language plpgsql as $$
begin
  perform record_head(new, null, 'opened', true);
  return null;
end $$;

create trigger auction_opens before insert on auctions for each row execute function auction_opens();
create trigger auction_opened after insert on auctions for each row execute function auction_opened();

-- An UPDATE that is not the ledger's own: a change of state or terms becomes the next entry.
create function auction_amended() returns trigger language plpgsql as $$
begin
  if (new.id, new.create_key, new.created_us, new.version, new.head, new.outside_version, new.decided_us, new.winner, new.end_reason)
    is distinct from
     (old.id, old.create_key, old.created_us, old.version, old.head, old.outside_version, old.decided_us, old.winner, old.end_reason)
  then
    raise exception 'auction %: id, create_key, created_us, version, head, outside_version, decided_us, winner and end_reason are the ledger''s to set', old.id
      using errcode = 'integrity_constraint_violation';
  end if;

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
  if new.status = 'ended' then
    raise exception 'auction %: an auction ends by its end_us, through AuctionService, which declares the winner: set end_us instead', old.id
      using errcode = 'integrity_constraint_violation';
  end if;

  new.version := old.version + 1;
  new.head := gen_random_uuid();
  new.outside_version := new.version;
  new.decided_us := now_us();
  if new.status = 'cancelled' then
    perform record_head(new, old.head, 'sealed', false);
  else
    perform record_head(new, old.head, 'amended', true);
  end if;
  return new;
end $$;

create trigger auction_amended before update on auctions for each row
  when (current_setting('auctions.writer', true) is distinct from 'ledger')
  execute function auction_amended();
