-- seal: stops Redis from accepting bids on an auction.
--
-- The caller has asked the ledger's clock, so this server's clock does not matter. This is a proposal until the sealing
-- entry is in the ledger. If the entry never comes, the status of the next decision differs from the ledger's, the
-- append reports a conflict, and hydration opens the auction again.
--
-- KEYS  1  the auction's hash
--
-- Reply 1  no more bids are accepted
--       0  the hash is missing or damaged
--
-- Steps 1  read the auction
--       2  seal

-- 1. Read. A key of another type is damage.

local status = redis.pcall('HGET', KEYS[1], 'status')
if type(status) == 'table' and status.err then
  if string.find(status.err, 'WRONGTYPE', 1, true) then return 0 end
  return status
end
if not status then return 0 end

-- 2. Seal. A cancelled or bought auction stays so: it accepts no bids either.

if status ~= 'cancelled' and status ~= 'bought' then redis.call('HSET', KEYS[1], 'status', 'ended') end
return 1
