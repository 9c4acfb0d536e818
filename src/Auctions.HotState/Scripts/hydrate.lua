-- hydrate: sets an auction to the ledger's head, forgets what is pending and remembers answers, if the head here is
-- still the one that the caller saw before it read the ledger.
--
-- KEYS  1 the auction's hash   2 its pending entries   3 and 4 its answers, by turns (see place_bids.lua)   5.. velocity windows
-- ARGV  1 version and 2 id of the head that was seen, both '' where there was none
--       3 seconds that an answer is remembered, at least   4 seconds that an idle auction's hash lives
--       5 terms   6 status   7 price   8 ceiling   9 leader   10 end_us   11 extensions   12 bid_count   13 version   14 head
--       15 how many answers   16 seconds that a window lives
--       17.. "bidder key" and decision line of each answer, then one window for each key of one
-- Units amounts in minor units, times in microseconds since 1970
--
-- Reply 1 set; 0 the head is another than was seen, nothing was done
--
-- Steps 1 compare   2 set   3 remember the answers   4 remember the windows

local HASH, PENDING, FIRST_ANSWERS, FIRST_WINDOW = KEYS[1], KEYS[2], 3, 5
local ANSWERS_S, FIRST_ANSWER, LAST_ANSWER = tonumber(ARGV[3]), 17, 16 + 2 * ARGV[15]

-- Whether the caller can have read it: an integer and a UUID as they are written here (RedisHotState.ReadHeadAsync).
local function readable(version, head)
  return version and head and #version <= 16 and (version == '0' or string.find(version, '^[1-9]%d*$'))
    and #head == 36 and not string.find(head, '[^0-9a-f-]')
end

-- 1. A damaged head, or a key of another type, is none.

local seen = redis.pcall('HMGET', HASH, 'version', 'head')
if seen.err and not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end
local version, head = seen[1], seen[2]
if not readable(version, head) then version, head = '', '' end
if version ~= ARGV[1] or head ~= ARGV[2] then return 0 end

-- 2. The pending entries went into the ledger before its head was read, or can no longer go there.

redis.call('DEL', HASH, PENDING)
redis.call('HSET', HASH, 'terms', ARGV[5], 'status', ARGV[6], 'price', ARGV[7], 'ceiling', ARGV[8], 'leader', ARGV[9],
  'end_us', ARGV[10], 'extensions', ARGV[11], 'bid_count', ARGV[12], 'version', ARGV[13], 'head', ARGV[14],
  'hydrated_version', ARGV[13])
redis.call('EXPIRE', HASH, ARGV[4])

-- 3. The ledger's answer replaces whatever was stored under its key.

if LAST_ANSWER >= FIRST_ANSWER then
  local now_s = redis.call('TIME')[1]
  local period = math.floor(now_s / ANSWERS_S)
  local answers = KEYS[FIRST_ANSWERS + period % 2]
  if redis.call('TYPE', answers).ok ~= 'hash' then redis.call('DEL', answers) end
  redis.call('HSET', answers, unpack(ARGV, FIRST_ANSWER, LAST_ANSWER))
  redis.call('EXPIRE', answers, (period + 2) * ANSWERS_S - now_s)
end

-- 4. A window that is here knows more than the answers do: of what is pending, and of what the ledger refused.

for i = FIRST_WINDOW, #KEYS do
  redis.call('SET', KEYS[i], ARGV[LAST_ANSWER + 1 + i - FIRST_WINDOW], 'EX', ARGV[16], 'NX')
end
return 1
