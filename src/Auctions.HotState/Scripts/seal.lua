-- seal: stops an auction here from accepting bids, once its effective end has come or where the caller forces it. Before
-- the sealing entry is in the ledger that is a proposal too: if the entry never comes, the next decision's status is not
-- the ledger's, the append refuses it, and hydrating opens the auction again.
--
-- KEYS  1 the auction's hash
-- ARGV  1 '1' to seal before the end too, else '0'
-- Units times in microseconds since 1970, of this server's clock
--
-- Reply nil: the hash is missing or damaged
--       {1, end_us, now_us} nothing more is accepted; {0, end_us, now_us} its end has not come
--
-- Steps 1 read   2 seal

-- 1.

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

-- 2. A cancelled auction stays so: it accepts nothing either.

if status == 'ended' or status == 'cancelled' then return { 1, end_us, now_us } end
if now_us < end_us and ARGV[1] ~= '1' then return { 0, end_us, now_us } end
redis.call('HSET', KEYS[1], 'status', 'ended')
return { 1, end_us, now_us }
