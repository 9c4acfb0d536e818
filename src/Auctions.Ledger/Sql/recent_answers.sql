-- The newest answers of an auction, rejections too, newest first. It merges the ends of two indexes. $1 auction id,
-- $2 limit.
select * from (
  (select * from answers where auction_id = $1 and entry_version is not null order by entry_version desc limit $2)
  union all
  (select * from answers where auction_id = $1 and basis is not null order by basis desc, decided_us desc limit $2)
) newest order by decided_us desc limit $2
