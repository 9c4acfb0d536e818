-- Entries in version order, above a version. $1 auction id, $2 version (exclusive), $3 limit. Columns as LedgerHistory reads them.
select version, id, coalesce(prev, '00000000-0000-0000-0000-000000000000'), kind,
  bid_kind, bidder, key, currency, amount, max, outcome,
  status, price, ceiling, leader, end_us, extensions, bid_count,
  decided_us, terms, coalesce(winner, ''), coalesce(end_reason, '')
from ledger where auction_id = $1 and version > $2
order by version limit $3
