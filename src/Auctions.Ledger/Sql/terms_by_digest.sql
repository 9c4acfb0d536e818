-- The terms with that digest that the auction had at some time. $1 auction id, $2 digest.
select terms from ledger where auction_id = $1 and terms_digest = $2 and terms is not null limit 1
