-- $1 auction id. Columns as PostgresLedger reads them.
select version, head, terms, status, price, ceiling, leader, end_us, extensions, bid_count from auctions where id = $1
