-- Scheduled auctions whose start has come, the earliest first. $1 limit, $2 auction ids to leave out.
select id from auctions
where status = 'scheduled' and start_us <= (select now_us()) and id <> all ($2::uuid[]) order by start_us limit $1
