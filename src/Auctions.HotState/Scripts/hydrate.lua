-- hydrate: sets an auction to the ledger's head, removes its pending entries and stores answers. Compare-and-set: only
-- if the head here is still the one that the caller saw before it read the ledger.
--
-- KEYS  1     the auction's hash
--       2     its pending entries
--       3     the auctions of this shard with pending entries (set of ids)
--       4, 5  its answers, one hash per period, by turns (see place_bids.lua)
--       6..   velocity windows
-- ARGV  1, 2  version and id of the head that the caller saw, both '' if there was none
--       3     how long an answer is kept at least, in seconds
--       4     how long the hash of an idle auction is kept, in seconds
--       5..15 the fields: terms, status, price, ceiling, leader, end_us, extensions, bid_count, version, head,
--             decided_us
--       16    the number of answers
--       17    how long a velocity window is kept, in seconds
--       18..  for each answer its field "bidder key" and its decision line; then one window for each of KEYS 6..
-- Units amounts in minor units, times in microseconds since 1970
--
-- Reply 1  the auction was set
--       0  nothing was done: the head is another one
--
-- Steps 1  compare the heads
--       2  set the auction
--       3  store the answers
--       4  store the velocity windows

local HASH, PENDING, INDEX, FIRST_ANSWERS, FIRST_WINDOW = KEYS[1], KEYS[2], KEYS[3], 4, 6
local ANSWERS_S, FIRST_ANSWER, LAST_ANSWER = tonumber(ARGV[3]), 18, 17 + 2 * ARGV[16]

-- Whether the caller could read the head: an integer and a UUID, written as here (see RedisHotState.ReadHead).
local function readable(version, head)
  return version and head and #version <= 16 and (version == '0' or string.find(version, '^[1-9]%d*$'))
    and #head == 36 and not string.find(head, '[^0-9a-f-]')
end

-- 1. Compare. A damaged head, and a key of another type, count as no head.

local seen = redis.pcall('HMGET', HASH, 'version', 'head')
if seen.err and not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end
local version, head = seen[1], seen[2]
if not readable(version, head) then version, head = '', '' end
if version ~= ARGV[1] or head ~= ARGV[2] then return 0 end

-- 2. Set. The caller appended the pending entries before it read the ledger's head. Those that are not in the ledger
--    now conflict with it. An index of another type is damage, and is made again by those that have to be in it.

redis.call('DEL', HASH, PENDING)
local left = redis.pcall('SREM', INDEX, string.sub(HASH, -36))
if type(left) == 'table' and left.err then
  if not string.find(left.err, 'WRONGTYPE', 1, true) then return left end
  redis.call('DEL', INDEX)
end
redis.call('HSET', HASH, 'terms', ARGV[5], 'status', ARGV[6], 'price', ARGV[7], 'ceiling', ARGV[8], 'leader', ARGV[9],
  'end_us', ARGV[10], 'extensions', ARGV[11], 'bid_count', ARGV[12], 'version', ARGV[13], 'head', ARGV[14],
  'decided_us', ARGV[15], 'hydrated_version', ARGV[13])
redis.call('EXPIRE', HASH, ARGV[4])

-- 3. Answers. The ledger's answer replaces what is stored under its key.

if LAST_ANSWER >= FIRST_ANSWER then
  local now_s = redis.call('TIME')[1]
  local period = math.floor(now_s / ANSWERS_S)
  local answers = KEYS[FIRST_ANSWERS + period % 2]
  if redis.call('TYPE', answers).ok ~= 'hash' then redis.call('DEL', answers) end
  redis.call('HSET', answers, unpack(ARGV, FIRST_ANSWER, LAST_ANSWER))
  redis.call('EXPIRE', answers, (period + 2) * ANSWERS_S - now_s)
end

-- 4. Windows. A window that is here already stays (NX): it also counts bids that are pending or conflicted with the
--    ledger.

for i = FIRST_WINDOW, #KEYS do
  redis.call('SET', KEYS[i], ARGV[LAST_ANSWER + 1 + i - FIRST_WINDOW], 'EX', ARGV[17], 'NX')
end
return 1
