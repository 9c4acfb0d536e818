-- The auction that a seller created with an idempotency key. $1 seller, $2 key.
select {auction} from auctions where seller_id = $1 and create_key = $2
