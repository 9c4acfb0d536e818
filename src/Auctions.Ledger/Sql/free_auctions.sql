-- Those of the auctions that no transaction has locked. It locks them for the moment of the statement. $1 auction ids.
select id from unnest($1::uuid[]) as asked (id)
cross join lateral (select from auctions a where a.id = asked.id for no key update skip locked) free
