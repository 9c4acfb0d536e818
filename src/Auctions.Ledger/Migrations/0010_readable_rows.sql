-- What somebody sets by hand is what the services can read, for values set from now on: the same rules as Terms.Parse,
-- StoredValues and AuctionTexts of Auctions.Core; tests compare them on random rows. The checks are made where a value
-- is set, by triggers that no append fires: a check of the table would be made again for each bid. A row of before may
-- break them. It keeps every migration and every service working, and a change of another column does not touch it.

-- ISO 4217 as of 2026-01-01, the codes with a minor unit, and those that were withdrawn: Currency.All.
create function is_currency(code text) returns boolean language sql immutable strict parallel safe
return code = any(string_to_array('AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD ' ||
    'BTN BWP BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP ' ||
    'DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS ' ||
    'INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD ' ||
    'MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR ' ||
    'PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS ' ||
    'SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW ' ||
    'UZS VED VES VND VUV WST XAD XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL', ' '));

-- Increment.Parse: one form for each rule, without leading zeros; a table begins at 0, and its prices rise.
create function is_increment(rule text) returns boolean language sql immutable strict parallel safe
return case
  when length(rule) > 4096 then false
  when rule ~ '^fixed:[1-9][0-9]{0,15}$' then substr(rule, 7)::bigint <= 9007199254740991
  when rule ~ '^bps:[1-9][0-9]{0,4}$' then substr(rule, 5)::integer <= 10000
  when rule ~ '^ladder:[A-Za-z0-9-]+:0=[1-9][0-9]{0,15}(,[1-9][0-9]{0,15}=[1-9][0-9]{0,15})*$' then (
    select bool_and(from_price > before and from_price <= 9007199254740991 and amount <= 9007199254740991)
    from (
      select from_price, amount, lag(from_price, 1, -1::bigint) over (order by n) as before
      from (
        select split_part(step, '=', 1)::bigint as from_price, split_part(step, '=', 2)::bigint as amount, n
        from unnest(string_to_array(split_part(rule, ':', 3), ',')) with ordinality as s (step, n)
      ) steps
    ) neighbours)
  else false
end;

-- The columns that no bid changes. A column that an UPDATE leaves as it was is not checked.
create or replace function auction_terms_hold() returns trigger language plpgsql as $$
declare
  amount_max constant bigint := 9007199254740991; -- 2^53 - 1
  time_max constant bigint := 4503599627370495;   -- 2^52 - 1: the sum of two is exact in Lua, the year 2112
  broken text := case
    when new.id is distinct from old.id and new.id = '00000000-0000-0000-0000-000000000000'
      then 'id must not be the nil UUID'
    when new.currency is distinct from old.currency and not is_currency(new.currency)
      then format('currency is ''%s'', and must be a currency of ISO 4217', new.currency)
    when new.opening is distinct from old.opening and new.opening not between 1 and amount_max
      then format('opening is %s, and must be from 1 to 2^53 - 1', new.opening)
    when new.reserve is distinct from old.reserve and new.reserve not between 0 and amount_max
      then format('reserve is %s, and must be from 0 to 2^53 - 1', new.reserve)
    when new.buy_now is distinct from old.buy_now and new.buy_now not between 0 and amount_max
      then format('buy_now is %s, and must be from 0 to 2^53 - 1', new.buy_now)
    when new.increment is distinct from old.increment and not is_increment(new.increment)
      then format('increment is ''%s'', and must be an increment such as fixed:100, bps:250 (1 to 10000) or '
        'ladder:name:0=5,100=25', left(new.increment, 80))
    when new.soft_close_window_us is distinct from old.soft_close_window_us
      and new.soft_close_window_us not between 0 and time_max
      then format('soft_close_window_us is %s, and must be from 0 to 2^52 - 1', new.soft_close_window_us)
    when new.soft_close_extension_us is distinct from old.soft_close_extension_us
      and new.soft_close_extension_us not between 0 and time_max
      then format('soft_close_extension_us is %s, and must be from 0 to 2^52 - 1', new.soft_close_extension_us)
    when new.max_extensions is distinct from old.max_extensions and new.max_extensions < 0
      then format('max_extensions is %s, and must be 0 or more', new.max_extensions)
    when new.start_us is distinct from old.start_us and new.start_us not between 0 and time_max
      then format('start_us is %s, and must be from 0 to 2^52 - 1', new.start_us)
    when new.original_end_us is distinct from old.original_end_us and new.original_end_us > time_max
      then format('original_end_us is %s, and must be at most 2^52 - 1', new.original_end_us)
    when (new.start_us, new.original_end_us) is distinct from (old.start_us, old.original_end_us)
      and new.start_us >= new.original_end_us
      then format('start_us is %s, and must be less than original_end_us, which is %s', new.start_us, new.original_end_us)
    when new.created_us is distinct from old.created_us and new.created_us not between 0 and time_max
      then format('created_us is %s, and must be from 0 to 2^52 - 1', new.created_us)
    when new.title is distinct from old.title and octet_length(new.title) > 1600
      then format('title has %s bytes, and must have at most 1600', octet_length(new.title))
    when new.description is distinct from old.description and octet_length(new.description) > 160000
      then format('description has %s bytes, and must have at most 160000', octet_length(new.description))
    when new.category is distinct from old.category and octet_length(new.category) > 800
      then format('category has %s bytes, and must have at most 800', octet_length(new.category))
    when new.post_id is distinct from old.post_id and octet_length(new.post_id) > 1024
      then format('post_id has %s bytes, and must have at most 1024', octet_length(new.post_id))
    when new.media_urls is distinct from old.media_urls and (
        array_ndims(new.media_urls) > 1 or cardinality(new.media_urls) > 20
        or exists (select from unnest(new.media_urls) url where url is null or octet_length(url) > 2048))
      then 'media_urls must be a list of at most 20 URLs of at most 2048 bytes each'
  end;
begin
  if broken is not null then raise exception 'auction %: %', new.id, broken using errcode = 'check_violation'; end if;
  return new;
end $$;

drop trigger auction_terms_hold on auctions;
create trigger auction_terms_hold before insert or update of
  id, created_us, title, description, media_urls, category, post_id,
  seller_id, currency, opening, reserve, buy_now, increment, soft_close_window_us, soft_close_extension_us, max_extensions,
  start_us, original_end_us
  on auctions for each row execute function auction_terms_hold();

-- StoredValues.CheckState: what is wrong with the state, or null. seal.sql declares no winner from such a state.
create function state_fault(
  seller text, status text, price bigint, ceiling bigint, leader text, end_us bigint, extensions integer, bid_count bigint)
returns text language sql immutable strict parallel safe
return case
  when end_us not between 1 and 4503599627370495 then format('end_us is %s, and must be from 1 to 2^52 - 1', end_us)
  when extensions < 0 then format('extensions is %s, and must be 0 or more', extensions)
  when bid_count not between 0 and 9007199254740991 then format('bid_count is %s, and must be from 0 to 2^53 - 1', bid_count)
  when bid_count = 0 and (price, ceiling, leader) <> (0, 0, '')
    then 'price, ceiling and leader must be 0, 0 and empty without bids'
  when bid_count = 0 then null
  when price not between 1 and 9007199254740991 then format('price is %s, and must be from 1 to 2^53 - 1', price)
  when ceiling not between price and 9007199254740991
    then format('ceiling is %s, and must be from the price, %s, to 2^53 - 1', ceiling, price)
  when leader !~ '^[!-~]{1,128}$' then format('leader is ''%s'', and must be a bidder', left(leader, 80))
  when leader = seller then format('leader is ''%s'', and must not be the seller', leader)
  when status = 'scheduled' then 'status must not be scheduled with bids'
end;

-- What is wrong with a change of the state by hand, or null. It may set only a state that bids could leave. A change that
-- cancels the auction, and leaves the rest as it was, may follow on any state.
create function changed_state_fault(before auctions, after auctions) returns text language plpgsql immutable as $$
begin
  if after.cancel_reason is distinct from before.cancel_reason and octet_length(after.cancel_reason) > 4000 then
    return format('cancel_reason has %s bytes, and must have at most 4000', octet_length(after.cancel_reason));
  end if;
  if (after.seller_id, after.price, after.ceiling, after.leader, after.end_us, after.extensions, after.bid_count)
    is not distinct from
     (before.seller_id, before.price, before.ceiling, before.leader, before.end_us, before.extensions, before.bid_count)
    and after.status in (before.status, 'cancelled')
  then
    return null;
  end if;
  return state_fault(
    after.seller_id, after.status, after.price, after.ceiling, after.leader, after.end_us, after.extensions, after.bid_count);
end $$;

-- As in 0003_changed_by_any_path.sql, with that check.
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
