-- Texts that must match a pattern are checked where they are set, by their type, and no longer by the table: a table's
-- checks are all made again for each new version of a row, and the head of a chain moves with every bid. On 150 auctions
-- with a bid each that was a seventh of the append.

create domain subject as text check (value ~ '^[!-~]{1,128}$');
create domain currency_code as text check (value ~ '^[A-Z]{3}$');
create domain increment_rule as text check (value ~ '^(fixed|bps|ladder):[!-~]+$');

-- A published column's type cannot be changed.
alter publication auctions drop table auctions;

alter table auctions
  drop constraint auctions_seller_id_check,
  drop constraint auctions_currency_check,
  drop constraint auctions_increment_check,
  alter column seller_id type subject,
  alter column currency type currency_code,
  alter column increment type increment_rule;

alter publication auctions add table auctions (id, seller_id, title, description, media_urls, category, post_id, currency, opening, buy_now, increment,
  soft_close_window_us, soft_close_extension_us, max_extensions, start_us, original_end_us, created_us,
  version, head, status, price, leader, end_us, extensions, bid_count, reserve_met, decided_us, outside_version,
  winner, end_reason);
