-- Changes texts and terms. If the terms or the end change, the trigger appends the entry. Run it after
-- lock_auctions.sql. $1 auction id, then the columns in order. An active auction whose start moves into the future is
-- scheduled again.
update auctions set title = $2, description = $3, media_urls = $4, category = $5, post_id = $6,
  currency = $7, opening = $8, reserve = $9, buy_now = $10, increment = $11,
  soft_close_window_us = $12, soft_close_extension_us = $13, max_extensions = $14, start_us = $15,
  original_end_us = $16, end_us = case when original_end_us <> $16 then $16 else end_us end,
  status = case when status = 'active' and start_us <> $15 and $15 > now_us() then 'scheduled' else status end
where id = $1
