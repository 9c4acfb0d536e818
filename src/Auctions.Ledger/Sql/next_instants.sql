-- The instants at which an auction starts or ends, rounded up, in order. @after (exclusive), @until (inclusive), @step: us.
select distinct (at_us + @step - 1) / @step * @step
from (
  select end_us as at_us from auctions where status in ('scheduled', 'active') and end_us > @after and end_us <= @until
  union all
  select start_us from auctions where status = 'scheduled' and start_us > @after and start_us <= @until
) instants
order by 1 limit @limit
