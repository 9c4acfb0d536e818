-- drop: removes an auction from Redis if Redis cannot have this entry of the ledger. The next bid hydrates the auction.
--
-- KEYS  1  the auction's hash
--       2  its pending entries (hash: version -> decision line); they stay, unless the key has another type
-- ARGV  1  version of an entry in the ledger
--       2  id of that entry
--       3  version of the last entry in the ledger that was not decided here; 0 = none
--
-- Reply 1  dropped
--       0  nothing was done: the auction has the entry, or is not here
--
-- Steps 1  read the auction
--       2  compare its versions: behind the entry, or not hydrated since the last entry from outside?
--       3  compare the entry at that version
--       4  drop

local HASH, PENDING = KEYS[1], KEYS[2]
local entry_version, entry_id, outside_version = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])

-- 1. A key of another type, and a field that is not a number, are damage: the auction is dropped.

local fields = redis.pcall('HMGET', HASH, 'version', 'head', 'hydrated_version')
if fields.err and not string.find(fields.err, 'WRONGTYPE', 1, true) then return fields end
if redis.call('EXISTS', HASH) == 0 then return 0 end
local version, head, hydrated_version = tonumber(fields[1] or nil), fields[2], tonumber(fields[3] or nil)

-- 2. Versions.

local valid = version and hydrated_version and version >= entry_version and hydrated_version >= outside_version

-- 3. The entry. If Redis is ahead, its own entry at that version is still pending, or has long been in the ledger.
--    The id is the fourth field of a decision line.

if valid and version == entry_version then valid = head == entry_id end
if valid and version > entry_version then
  local line = redis.pcall('HGET', PENDING, ARGV[1])
  if type(line) == 'table' then
    if not string.find(line.err, 'WRONGTYPE', 1, true) then return line end
    redis.call('DEL', HASH, PENDING)
    return 1
  end
  valid = not line or string.match(line, '^[^ ]* [^ ]* [^ ]* ([^ ]*)') == entry_id
end

-- 4. Drop.

if valid then return 0 end
redis.call('DEL', HASH)
return 1
