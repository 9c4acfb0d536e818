-- Creates an auction, at most one for each seller and key. The trigger appends the opening entry. Returns no row if the
-- seller used the key before. $1 to $19 are in the order of the columns. $20: whether it starts at once, when it is
-- created by the ledger's clock, instead of at $18. It starts before its end, however far ahead that clock is.
with clock as materialized (select now_us() as now_us)
insert into auctions (id, create_key, create_digest, title, description, media_urls, category, post_id,
  seller_id, currency, opening, reserve, buy_now, increment,
  soft_close_window_us, soft_close_extension_us, max_extensions, start_us, original_end_us, created_us)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
  case when $20 then least(now_us, $19 - 1) else $18 end, $19, now_us
from clock
on conflict (seller_id, create_key) do nothing
returning id
