-- The auction's terms, present or earlier, with this digest. $1 auction id, $2 digest.
select terms from ledger where auction_id = $1 and terms_digest = $2 and terms is not null limit 1
