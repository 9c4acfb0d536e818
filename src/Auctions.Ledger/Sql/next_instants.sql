-- The future times at which an auction starts or ends, in order, rounded up.
-- $1 how far to look ahead, $2 the multiple to round up to (both in microseconds), $3 limit.
with clock as materialized (select now_us() as now_us)
select distinct (at_us + $2 - 1) / $2 * $2
from (
  select end_us as at_us from auctions, clock
  where status in ('scheduled', 'active') and end_us > now_us and end_us <= now_us + $1
  union all
  select start_us from auctions, clock
  where status = 'scheduled' and start_us > now_us and start_us <= now_us + $1
) instants
order by 1 limit $3
