-- The instants after now at which an auction starts or ends, rounded up, in order.
-- $1 how far to look, $2 the step that instants are rounded up to (both in microseconds), $3 limit.
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
