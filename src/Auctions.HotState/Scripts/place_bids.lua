-- place_bids: decides bids on one auction, one after another, atomically. The rules are those of Rules.cs, in the
-- same order and under the same names, and are held against it by a random differential test.
--
-- KEYS  1 the auction's hash   2 its pending entries (hash version -> decision line)
--       3 and 4 its answers (hash "bidder key" -> decision line), by turns   5.. one velocity window for each limited bid
-- ARGV  1 seconds that an answer is remembered, at least   2 seconds that an idle auction's hash lives
--       3 digest of the terms that the caller knows, or ''
--       4 bids that a window holds, 1 or more   5 seconds of a window
--       6.. eight for each bid: id, kind (direct|proxy|buy_now), bidder, key, currency, amount, max, mark
--           mark: 'limited' where the bidder's velocity counts; or the id of an earlier decision under this key that the
--           ledger refused, which is to be forgotten (and was counted); or ''
-- Units amounts in minor units, 0 = none; times in microseconds since 1970, of this server's clock.
--       All numbers are integers below 2^53, exact in Lua's doubles; sums beyond that are only ever compared.
--
-- Reply nil: the hash is missing or damaged, nothing was done.
--       Else an array: the line of the terms ('' where the caller knows them), then one decision line for each bid,
--       decided now or stored under the same key before. DecisionLine.cs names the fields of such a line.
--
-- Steps 1 read the hash   2 read the terms   3 the rules   4 velocity   5 answer from the record, or decide
--       6 write what changed

local HASH, PENDING, FIRST_ANSWERS, FIRST_WINDOW = KEYS[1], KEYS[2], 3, 5
local ANSWERS_S, IDLE_S, KNOWN_DIGEST, WINDOW_BIDS, WINDOW_S = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local FIRST_BID, BID_FIELDS = 6, 8
local MAX_AMOUNT = 9007199254740991
local UUID = '^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$'
local STATUSES = { scheduled = true, active = true, ended = true, cancelled = true }

local call, format, find, match, sub = redis.call, string.format, string.find, string.match, string.sub
local floor, max, min, concat = math.floor, math.max, math.min, table.concat

-- 1. The hash. A key of another type is a damaged one.

local fields = redis.pcall('HMGET', HASH, 'terms', 'status', 'leader', 'head',
  'price', 'ceiling', 'end_us', 'extensions', 'bid_count', 'version', 'hydrated_version', 'kept_s')
if fields.err then
  if find(fields.err, 'WRONGTYPE', 1, true) then return nil end
  return fields
end
for i = 1, 11 do
  if not fields[i] then return nil end
end
local terms, status, leader, head = fields[1], fields[2], fields[3], fields[4]
if not STATUSES[status] or find(leader, ' ', 1, true) or not find(head, UUID) then return nil end

-- All numbers in one match: a match costs more than what it matches.
local price, ceiling, end_us, extensions, bid_count, version, hydrated_version =
  match(concat(fields, ' ', 5, 11), '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
price, ceiling, end_us, extensions = tonumber(price), tonumber(ceiling), tonumber(end_us), tonumber(extensions)
bid_count, version, hydrated_version = tonumber(bid_count), tonumber(version), tonumber(hydrated_version)
if not price or max(price, ceiling, end_us, extensions, bid_count, version, hydrated_version) > MAX_AMOUNT then
  return nil
end

-- 2. The terms: seller currency opening reserve buy_now window_us ext_us max_ext start_us increment.

local seller, currency, opening, reserve, buy_now, window_us, extension_us, max_extensions, start_us, increment =
  match(terms, '^([^ ]*) ([^ ]*) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) ([^ ]+)$')
opening, reserve, buy_now, start_us = tonumber(opening), tonumber(reserve), tonumber(buy_now), tonumber(start_us)
window_us, extension_us, max_extensions = tonumber(window_us), tonumber(extension_us), tonumber(max_extensions)
if not opening or max(opening, reserve, buy_now, start_us, window_us, extension_us, max_extensions) > MAX_AMOUNT then
  return nil
end

-- The function that Increment.At is, or nil where the text is no increment.
local function parse_increment(text)
  local fixed = tonumber(match(text, '^fixed:(%d+)$') or nil)
  if fixed then return function() return fixed end end

  -- Split, so that no product leaves the integers that a double holds.
  local points = tonumber(match(text, '^bps:(%d+)$') or nil)
  if points then
    return function(at)
      local rest = at % 10000
      return max(1, (at - rest) / 10000 * points + floor((rest * points + 9999) / 10000))
    end
  end

  local steps = match(text, '^ladder:[^:]+:(.+)$')
  if not steps then return nil end
  local from, amount, count = {}, {}, 0
  for a, b in string.gmatch(steps, '(%d+)=(%d+)') do
    count = count + 1
    from[count], amount[count] = tonumber(a), tonumber(b)
  end
  if from[1] ~= 0 then return nil end
  return function(at)
    local i = count
    while from[i] > at do i = i - 1 end
    return amount[i]
  end
end

local increment_at = parse_increment(increment)
if not increment_at then return nil end
local digest = sub(redis.sha1hex(terms), 1, 16)
local time = call('TIME')
local now_us = time[1] * 1000000 + time[2]

-- 3. The rules. They read the bid from these, and change the state above.

local kind, bidder, bid_currency, amount, bid_max, limit

local function above(at) return min(at + increment_at(at), MAX_AMOUNT + 1) end

local function minimum_bid()
  if bid_count == 0 then return opening end
  return above(price)
end

local function buy_now_available()
  return buy_now > ceiling and (bid_count == 0 or price < reserve)
end

local function admit()
  if status == 'cancelled' then return 'cancelled' end
  if status == 'ended' or now_us >= end_us then return 'ended' end
  if now_us < start_us then return 'not_started' end
  if bidder == seller then return 'seller' end
  if kind ~= 'buy_now' and bid_currency ~= currency then return 'wrong_currency' end
end

local function accepted(outcome)
  local extended = now_us + extension_us
  if extensions < max_extensions and end_us - now_us <= window_us and extended > end_us then
    end_us, extensions = extended, extensions + 1
  end
  status, bid_count = 'active', bid_count + 1
  return outcome, ''
end

-- The bidder leads at that price; a ceiling that reaches the reserve lifts the price to it.
local function leads(at, new_ceiling)
  price = new_ceiling >= reserve and max(at, reserve) or at
  ceiling, leader = new_ceiling, bidder
  return accepted('leading')
end

-- The end moves to the moment of the purchase: nothing can follow but the sealing.
local function buy()
  if not buy_now_available() then return 'refused', 'buy_now_withdrawn' end
  status, price, ceiling, leader, end_us, bid_count = 'active', buy_now, buy_now, bidder, now_us, bid_count + 1
  return 'leading', ''
end

local function first()
  if limit < opening then return 'refused', 'too_low' end
  return leads(max(opening, amount), limit)
end

-- The leader bids again: a higher ceiling moves no price, a direct bid raises the leader's own.
local function raise()
  if kind == 'proxy' then
    if bid_max <= ceiling then return 'refused', 'ceiling_not_raised' end
    return leads(max(price, amount), bid_max)
  end
  if amount < minimum_bid() then return 'refused', 'too_low' end
  return leads(amount, max(ceiling, amount))
end

-- At or under the standing ceiling, which is the earlier bid, that one answers with the least that still leads.
local function challenge()
  if limit < minimum_bid() then return 'refused', 'too_low' end
  if limit <= ceiling then
    price = min(ceiling, above(limit))
    return accepted('outbid')
  end
  return leads(max(min(limit, above(ceiling)), amount), limit)
end

local function decide()
  local refusal = admit()
  if refusal then return 'refused', refusal end
  if kind == 'buy_now' then return buy() end
  if bid_count == 0 then return first() end
  if bidder == leader then return raise() end
  return challenge()
end

-- 4. Velocity. A window is the times of a bidder's last decisions, 16 digits and a blank each, oldest first: full and younger
-- than its seconds in the first of them, it admits nothing. A bid that is decided again was counted the first time.

local count = floor((#ARGV - FIRST_BID + 1) / BID_FIELDS)
local windows, changed_windows = {}, {} -- by key
if #KEYS >= FIRST_WINDOW then
  local texts = call('MGET', unpack(KEYS, FIRST_WINDOW))
  for i = 1, #texts do windows[KEYS[FIRST_WINDOW + i - 1]] = texts[i] or '' end
end

local TIME_LENGTH = 17
local now_text = format('%016d ', now_us)

local function too_fast(window_key)
  local window = windows[window_key]
  local first = tonumber(sub(window, -TIME_LENGTH * WINDOW_BIDS, -TIME_LENGTH * (WINDOW_BIDS - 1) - 2))
  if #window >= TIME_LENGTH * WINDOW_BIDS and first and first > now_us - WINDOW_S * 1000000 then return true end
  windows[window_key] = sub(window .. now_text, -TIME_LENGTH * WINDOW_BIDS)
  changed_windows[window_key] = true
  return false
end

-- 5. Each bid: the answer that its key has already, unless that is void; else a decision on the state so far.

local function number(n) return format('%d', n) end -- tostring would lose digits; %.0f costs five times as much

local function state()
  return format('%s %d %d %s %d %d %d', status, price, ceiling, leader, end_us, extensions, bid_count)
end

-- A hash for all the answers of one period: one command writes a whole call's, where a key each would cost as much as all the
-- rest. A period's hash expires as a whole at the end of the next, when its key's turn comes again.
local period = floor(time[1] / ANSWERS_S)
local answers_now, answers_before = KEYS[FIRST_ANSWERS + period % 2], KEYS[FIRST_ANSWERS + (period + 1) % 2]

local fields_asked = {}
for i = 1, count do
  local a = FIRST_BID + (i - 1) * BID_FIELDS
  fields_asked[i] = ARGV[a + 2] .. ' ' .. ARGV[a + 3]
end

-- A key of another type is a damaged one, and is made anew.
local function answers_of(key)
  local lines = redis.pcall('HMGET', key, unpack(fields_asked))
  if not lines.err then return lines end
  call('DEL', key)
  return {}
end

local stored_now, stored_before = answers_of(answers_now), answers_of(answers_before)
local decided_here = {} -- field -> line: a key may come twice in one call
local answers = {}      -- field, line, field, line, ...: decided in this call
local entries = {}      -- version, line, version, line, ...: accepted in this call
local reply = { digest == KNOWN_DIGEST and '' or terms }
local before, version_text = state(), number(version)
local basis = ' ' .. number(now_us) .. ' ' .. digest .. ' '
local next_window = FIRST_WINDOW

for i = 1, count do
  local field, a = fields_asked[i], FIRST_BID + (i - 1) * BID_FIELDS
  local mark, window_key = ARGV[a + 7], nil
  if mark == 'limited' then
    window_key = KEYS[next_window]
    next_window = next_window + 1
  end
  local line = decided_here[field] or stored_now[i] or stored_before[i]
  -- The id is the line's fourth field. A record that is no decision line is as good as none.
  local answered = line and match(line, '^[a-z]+ [a-z_]* %d+ ([^ ]+) ')
  if not answered or answered == mark then
    local id, amount_text, max_text = ARGV[a], ARGV[a + 5], ARGV[a + 6]
    kind, bidder, bid_currency = ARGV[a + 1], ARGV[a + 2], ARGV[a + 4]
    amount, bid_max = tonumber(amount_text), tonumber(max_text)
    limit = kind == 'proxy' and bid_max or amount

    local outcome, reason
    if window_key and too_fast(window_key) then
      outcome, reason = 'refused', 'velocity'
    else
      outcome, reason = decide()
    end
    local prev, after = head, before
    if outcome ~= 'refused' then
      version, head, after = version + 1, id, state()
      version_text = number(version)
    end
    line = outcome .. ' ' .. reason .. ' ' .. version_text .. ' ' .. id .. ' ' .. prev .. ' ' .. kind .. ' '
      .. field .. ' ' .. bid_currency .. ' ' .. amount_text .. ' ' .. max_text .. basis .. before .. ' ' .. after
    if outcome ~= 'refused' then
      entries[#entries + 1] = version_text
      entries[#entries + 1] = line
      before = after
    end
    if reason ~= 'velocity' then
      if stored_before[i] then call('HDEL', answers_before, field) end -- the clock may step back into that period
      decided_here[field] = line
      answers[#answers + 1] = field
      answers[#answers + 1] = line
    end
  end
  reply[i + 1] = line
end

-- 6. The answers, what is pending, the new head, and the windows.

if #answers > 0 then
  call('HSET', answers_now, unpack(answers))
  -- Two EXPIREs a call would cost as much as deciding a bid: lives are prolonged when a sixteenth is over, or a period.
  local now_s, kept_s = tonumber(time[1]), tonumber(fields[12] or nil) or 0
  if math.abs(now_s - kept_s) >= IDLE_S / 16 or floor(kept_s / ANSWERS_S) ~= period then
    call('HSET', HASH, 'kept_s', now_s)
    call('EXPIRE', HASH, IDLE_S)
    call('EXPIRE', answers_now, (period + 2) * ANSWERS_S - now_s)
  end
end
if #entries > 0 then
  call('HSET', PENDING, unpack(entries))
  call('HSET', HASH, 'price', number(price), 'ceiling', number(ceiling), 'leader', leader, 'bid_count', number(bid_count),
    'version', version_text, 'head', head)
  -- Seldom.
  if status ~= fields[2] then call('HSET', HASH, 'status', status) end
  if end_us ~= tonumber(fields[7]) then call('HSET', HASH, 'end_us', number(end_us), 'extensions', number(extensions)) end
end
for key in pairs(changed_windows) do call('SET', key, windows[key], 'EX', WINDOW_S) end
return reply
