-- discard: removes what Redis holds of an auction whose data is damaged. The next bid hydrates the auction.
--
-- KEYS  1     the auction's hash
--       2     its pending entries (hash: version -> decision line)
--       3, 4  its answers
--
-- Reply the number of removed keys
--
-- Steps 1  remove the hash and the answers
--       2  remove the pending entries, if they are of another type

local removed = redis.call('DEL', KEYS[1], KEYS[3], KEYS[4])

-- Entries that can be read may not be in the ledger yet. The hydration appends them, and removes the others.
if redis.call('TYPE', KEYS[2]).ok == 'hash' then return removed end
return removed + redis.call('DEL', KEYS[2])
