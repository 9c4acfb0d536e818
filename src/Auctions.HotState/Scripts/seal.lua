-- seal: stops Redis from accepting bids on an auction, after its effective end or, if forced, at any time.
--
-- This is a proposal until the sealing entry is in the ledger. If the entry never comes, the status of the next
-- decision differs from the ledger's, the append reports a conflict, and hydration opens the auction again.
--
-- KEYS  1  the auction's hash
-- ARGV  1  '1' to seal before the end too, else '0'
-- Units times in microseconds since 1970, by this server's clock
--
-- Reply nil                   the hash is missing or damaged
--       {1, end_us, now_us}   sealed: no more bids are accepted
--       {0, end_us, now_us}   not sealed: the end has not come
--
-- Steps 1  read the auction
--       2  seal

-- 1. Read. A key of another type, and an end that is not a number, are damage.

local fields = redis.pcall('HMGET', KEYS[1], 'status', 'end_us')
if fields.err then
  if string.find(fields.err, 'WRONGTYPE', 1, true) then return nil end
  return fields
end
local status, end_us = fields[1], fields[2]
if not (status and end_us and #end_us <= 16 and string.find(end_us, '^%d+$')) then return nil end
end_us = tonumber(end_us)
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]

-- 2. Seal. A cancelled auction stays cancelled: it accepts no bids either.

if status == 'ended' or status == 'cancelled' then return { 1, end_us, now_us } end
if now_us < end_us and ARGV[1] ~= '1' then return { 0, end_us, now_us } end
redis.call('HSET', KEYS[1], 'status', 'ended')
return { 1, end_us, now_us }
