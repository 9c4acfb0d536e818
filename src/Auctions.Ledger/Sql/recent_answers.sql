-- The newest answers of each auction, rejections too, newest first. For each auction it merges the ends of two indexes.
-- $1 auction ids, $2 limit for each auction.
select newest.* from unnest($1::uuid[]) as asked (id)
cross join lateral (
  select * from (
    (select * from answers where auction_id = asked.id and entry_version is not null
      order by entry_version desc limit $2)
    union all
    (select * from answers where auction_id = asked.id and basis is not null
      order by basis desc, decided_us desc limit $2)
  ) both_ends order by decided_us desc limit $2
) newest
