-- The rest of the checks of auctions move to where values are set, as 0006_domains.sql began: each statement that writes a table parses its checks anew and
-- makes all of them for every row, and these nine were an eighth of what an append costs by itself, however few its bids.
-- The ledger keeps its four: a column's type cannot change without the whole table being written again.

create domain auction_status as text check (value in ('scheduled', 'active', 'ended', 'cancelled'));
create domain end_cause as text check (value in ('', 'time', 'bought_now', 'ended_by_seller'));

-- A published column's type cannot be changed.
alter publication auctions drop table auctions;

alter table auctions
  drop constraint auctions_status_check,
  drop constraint auctions_end_reason_check,
  drop constraint auctions_opening_check,
  drop constraint auctions_reserve_check,
  drop constraint auctions_buy_now_check,
  drop constraint auctions_soft_close_window_us_check,
  drop constraint auctions_soft_close_extension_us_check,
  drop constraint auctions_max_extensions_check,
  drop constraint auctions_check, -- start_us < original_end_us
  alter column status type auction_status,
  alter column end_reason type end_cause;

alter publication auctions add table auctions (id, seller_id, title, description, media_urls, category, post_id, currency, opening, buy_now, increment,
  soft_close_window_us, soft_close_extension_us, max_extensions, start_us, original_end_us, created_us,
  version, head, status, price, leader, end_us, extensions, bid_count, reserve_met, decided_us, outside_version,
  winner, end_reason);

-- Numbers of the terms. No append sets them, so that it costs none.
create function auction_terms_hold() returns trigger language plpgsql as $$
declare
  broken text := case
    when new.opening not between 1 and 9007199254740991 then format('opening is %s, and must be from 1 to 2^53 - 1', new.opening)
    when new.reserve not between 0 and 9007199254740991 then format('reserve is %s, and must be from 0 to 2^53 - 1', new.reserve)
    when new.buy_now not between 0 and 9007199254740991 then format('buy_now is %s, and must be from 0 to 2^53 - 1', new.buy_now)
    when new.soft_close_window_us < 0 then format('soft_close_window_us is %s, and must be 0 or more', new.soft_close_window_us)
    when new.soft_close_extension_us < 0 then format('soft_close_extension_us is %s, and must be 0 or more', new.soft_close_extension_us)
    when new.max_extensions < 0 then format('max_extensions is %s, and must be 0 or more', new.max_extensions)
    when new.start_us >= new.original_end_us
      then format('start_us is %s, and must be less than original_end_us, which is %s', new.start_us, new.original_end_us)
  end;
begin
  if broken is not null then raise exception 'auction %: %', new.id, broken using errcode = 'check_violation'; end if;
  return new;
end $$;

create trigger auction_terms_hold before insert or update of
  opening, reserve, buy_now, soft_close_window_us, soft_close_extension_us, max_extensions, start_us, original_end_us
  on auctions for each row execute function auction_terms_hold();
