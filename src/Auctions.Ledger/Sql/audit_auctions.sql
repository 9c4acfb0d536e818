-- Auctions with what their audit needs besides the row: whether the terms line follows from the columns, and the time.
-- $1 auction ids; those that there are, in the order of ids.
select {auction},
  terms = auction_terms(seller_id, currency, opening, reserve, buy_now, soft_close_window_us, soft_close_extension_us,
    max_extensions, start_us, increment),
  now_us()
from auctions where id = any($1) order by id
