-- carry_over: takes over pending entries that an earlier version of the services wrote under another key.
--
-- KEYS  1   the auction's hash
--       2   its pending entries (hash: version -> decision line)
--       3   the auctions of this shard with pending entries (set of ids)
-- ARGV  1   how long the hash of an idle auction is kept, in seconds
--       2.. version, decision line, version, decision line, ...; at most 1,000 of each
--
-- Reply the number of entries that were taken over. Where this auction has an entry at the same version, that one
--       stays: the ledger can take only one of them.
--
-- Steps 1  add to the index, then to the pending entries
--       2  replace the head

local HASH, PENDING, INDEX, IDLE_S = KEYS[1], KEYS[2], KEYS[3], ARGV[1]

-- 1. Entries. A key of another type is damage.

if redis.call('TYPE', INDEX).ok ~= 'set' then redis.call('DEL', INDEX) end
if redis.call('TYPE', PENDING).ok ~= 'hash' then redis.call('DEL', PENDING) end
redis.call('SADD', INDEX, string.sub(HASH, -36))
local taken = 0
for i = 2, #ARGV, 2 do taken = taken + redis.call('HSETNX', PENDING, ARGV[i], ARGV[i + 1]) end

-- 2. Head. A hydration may be on its way, and has read the pending entries before. It sets the auction only if it finds
--    the head that it saw, and finds this one instead: it begins again, and appends the entries.

redis.call('DEL', HASH)
redis.call('HSET', HASH, 'version', '0', 'head', '00000000-0000-0000-0000-000000000000')
redis.call('EXPIRE', HASH, IDLE_S)
return taken
