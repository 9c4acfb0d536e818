-- Takes auctions whose end has come, for as long as the transaction lasts; what another wave has taken is passed over.
-- $1 now, $2 limit.
select a.id
from auctions a join closings c on c.auction_id = a.id
where a.status in ('scheduled', 'active') and a.end_us <= $1
order by a.end_us limit $2
for update of c skip locked
