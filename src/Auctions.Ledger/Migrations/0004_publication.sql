-- What everyone downstream gets (Debezium, or the relay that stands in for it). The lists of columns leave out what
-- nobody may know: ceilings, reserves, the terms lines that name them, bidders' limits and idempotency keys.
-- Replica identity: auctions by its primary key; ledger needs none, it is inserted into alone.

create publication auctions for table
  auctions (id, seller_id, title, description, media_urls, category, post_id, currency, opening, buy_now, increment,
    soft_close_window_us, soft_close_extension_us, max_extensions, start_us, original_end_us, created_us,
    version, head, status, price, leader, end_us, extensions, bid_count, reserve_met, decided_us, outside_version,
    winner, end_reason),
  ledger (auction_id, id, prev, version, basis, kind, origin, bid_kind, bidder, currency, offered, outcome, reason,
    decided_us, recorded_at, status, price, leader, end_us, extensions, bid_count, reserve_met, winner, end_reason)
with (publish = 'insert, update');
