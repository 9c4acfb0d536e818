-- Every column of an auction's row, by name, as text. $1 auction id.
select f.key, f.value from auctions a, json_each_text(row_to_json(a)) f where a.id = $1
