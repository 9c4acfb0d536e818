-- Scheduled auctions whose start has come, the earliest first. $1 limit.
select id from auctions where status = 'scheduled' and start_us <= (select now_us()) order by start_us limit $1
