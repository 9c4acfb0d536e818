-- remove_pending: removes pending entries that are in the ledger, and keeps the shard's index right.
--
-- KEYS  1   the auction's pending entries (hash: version -> decision line)
--       2   the auctions of this shard with pending entries (set of ids)
-- ARGV  1   the auction's id
--       2.. the versions to remove, at most 1,000; none = only the index is put right
--
-- Reply the number of removed entries
--
-- Steps 1  remove the entries
--       2  put the index right

local PENDING, INDEX, ID = KEYS[1], KEYS[2], ARGV[1]

-- The reply of a command; if the key has another type, it is damage: it is deleted, and the reply is nil.
local function on(key, command, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if not string.find(reply.err, 'WRONGTYPE', 1, true) then error(reply) end
  redis.call('DEL', key)
end

-- 1. Entries. Without versions this reads, so that a key of another type is found here too.

local removed = 0
if #ARGV > 1 then
  removed = on(PENDING, 'HDEL', unpack(ARGV, 2)) or 0
else
  on(PENDING, 'HLEN')
end

-- 2. Index. Whoever adds an entry writes the index first, so only an auction that the index missed is added here.

if redis.call('EXISTS', PENDING) == 0 then
  on(INDEX, 'SREM', ID)
elseif #ARGV == 1 and not on(INDEX, 'SADD', ID) then
  redis.call('SADD', INDEX, ID)
end
return removed
