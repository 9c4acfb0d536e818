-- The ledger's clock when this transaction began: what the transaction records has this time as its recorded_at.
create function begun_us()
returns bigint language sql stable parallel safe
return (extract(epoch from now()) * 1000000)::bigint;
