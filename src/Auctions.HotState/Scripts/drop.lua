-- drop: forgets an auction where what is here cannot have the ledger's entry, so that the next bid hydrates it.
--
-- KEYS  1 the auction's hash   2 its pending entries (hash version -> decision line): they stay
-- ARGV  1 version and 2 id of an entry in the ledger
--       3 version of the last entry in the ledger that was not proposed here (0: none)
--
-- Reply 1 dropped; 0 it is as it should be, or was not there
--
-- Steps 1 read   2 behind, or not hydrated since an entry from outside?   3 another entry at that version?   4 drop

local HASH, PENDING = KEYS[1], KEYS[2]
local entry_version, entry_id, outside_version = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])

-- 1. A key of another type, or a field that is no number, is damaged: it goes.

local fields = redis.pcall('HMGET', HASH, 'version', 'head', 'hydrated_version')
if fields.err and not string.find(fields.err, 'WRONGTYPE', 1, true) then return fields end
if redis.call('EXISTS', HASH) == 0 then return 0 end
local version, head, hydrated_version = tonumber(fields[1] or nil), fields[2], tonumber(fields[3] or nil)

-- 2.

local right = version and hydrated_version and version >= entry_version and hydrated_version >= outside_version

-- 3. Where this server is ahead, what it holds at that version is pending, or in the ledger long since. The id is a
--    line's fourth field.

if right and version == entry_version then right = head == entry_id end
if right and version > entry_version then
  local line = redis.call('HGET', PENDING, ARGV[1])
  right = not line or string.match(line, '^[^ ]* [^ ]* [^ ]* ([^ ]*)') == entry_id
end

-- 4.

if right then return 0 end
redis.call('DEL', HASH)
return 1
