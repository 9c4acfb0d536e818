-- place_bids: decides bids on one auction, one after another, atomically.
--
-- The rules are those of Rules.cs: same names, same order of checks. Random differential tests compare both.
--
-- KEYS  1     the auction's hash
--       2     its pending entries (hash: version -> decision line)
--       3     the auctions of this shard with pending entries (set of ids)
--       4, 5  its answers (hash: "bidder key" -> decision line), one hash per period, by turns
--       6..   one velocity window for each bid that is marked 'limited', in the order of the bids
-- ARGV  1     how long an answer is kept at least, in seconds
--       2     how long the hash of an idle auction is kept, in seconds
--       3     digest of the terms that the caller knows, or ''
--       4     how many bids a velocity window allows, 1 or more
--       5     length of a velocity window, in seconds
--       6..   eight for each bid: id, kind (direct|proxy|buy_now), bidder, key, currency, amount, max, mark.
--             mark: 'limited' if the bidder's velocity limit applies; then the id of an earlier decision under this
--             key that conflicted with the ledger, to be replaced, if there is one
-- Units amounts in minor units, 0 = none; times in microseconds since 1970, by this server's clock. A decision time is
--       that clock, or the decision time of the entry before, if that is later: decision times never fall. A purchase,
--       which closes the auction, is decided later than the entry before. Velocity, expiry and periods use the clock
--       alone.
--       All numbers are integers below 2^53, which Lua's doubles hold exactly. Larger sums are only compared.
--
-- Reply nil    the hash is missing, or a key is damaged; no bid was decided
--       array  the line of the terms ('' if the caller knows them), then one decision line for each bid: decided now,
--              or stored under the same key before. DecisionLine.cs documents the fields. The outcomes are leading,
--              outbid, and refused, which is the stored word for rejected.
--
-- Steps 1  read the hash
--       2  read the terms
--       3  define the rules
--       4  read the velocity windows
--       5  take each bid's stored answer, or decide the bid
--       6  write what changed

local HASH, PENDING, INDEX, FIRST_ANSWERS, FIRST_WINDOW = KEYS[1], KEYS[2], KEYS[3], 4, 6
local ANSWERS_S, IDLE_S, KNOWN_DIGEST = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local WINDOW_BIDS, WINDOW_S = tonumber(ARGV[4]), ARGV[5]
local FIRST_BID, BID_FIELDS = 6, 8
local MAX_AMOUNT = 9007199254740991
local UUID = '^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$'
local STATUSES = { scheduled = true, active = true, ended = true, cancelled = true, bought = true }

local call, format, find, match, sub = redis.call, string.format, string.find, string.match, string.sub
local floor, max, min, concat = math.floor, math.max, math.min, table.concat

local function wrong_type(error) return find(error, 'WRONGTYPE', 1, true) end

-- 1. The hash. A key of another type is damage.

local fields = redis.pcall('HMGET', HASH, 'terms', 'status', 'leader', 'head',
  'price', 'ceiling', 'end_us', 'extensions', 'bid_count', 'version', 'hydrated_version', 'decided_us',
  'kept_s')
if fields.err then
  if wrong_type(fields.err) then return nil end
  return fields
end
for i = 1, 12 do
  if not fields[i] then return nil end
end
local terms, status, leader, head = fields[1], fields[2], fields[3], fields[4]
if not STATUSES[status] or find(leader, ' ', 1, true) or not find(head, UUID) then return nil end

-- All numbers in one match: the call costs more than the digits.
local price, ceiling, end_us, extensions, bid_count, version, hydrated_version, decided_us =
  match(concat(fields, ' ', 5, 12), '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$')
price, ceiling, end_us, extensions = tonumber(price), tonumber(ceiling), tonumber(end_us), tonumber(extensions)
bid_count, version, hydrated_version = tonumber(bid_count), tonumber(version), tonumber(hydrated_version)
decided_us = tonumber(decided_us)
if not price
  or max(price, ceiling, end_us, extensions, bid_count, version, hydrated_version, decided_us) > MAX_AMOUNT then
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

-- Increment.At as a function, or nil if the text is not an increment.
local function parse_increment(text)
  local fixed = tonumber(match(text, '^fixed:(%d+)$') or nil)
  if fixed then return function() return fixed end end

  -- Split, so that every product stays an integer that a double holds exactly.
  local points = tonumber(match(text, '^bps:(%d+)$') or nil)
  if points then
    return function(at)
      local remainder = at % 10000
      return max(1, (at - remainder) / 10000 * points + floor((remainder * points + 9999) / 10000))
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
local clock_us = time[1] * 1000000 + time[2]
local now_us = max(clock_us, decided_us) -- of the current bid

-- 3. The rules. They read the current bid from these variables, and change the state above.

local kind, bidder, bid_currency, amount, bid_max, limit

local function above(at) return min(at + increment_at(at), MAX_AMOUNT + 1) end

local function minimum_bid()
  if bid_count == 0 then return opening end
  return above(price)
end

local function buy_now_available()
  return buy_now > ceiling and (bid_count == 0 or price < reserve) -- admit has seen to the status
end

local function admit()
  if status == 'cancelled' then return 'cancelled' end
  if status == 'ended' or status == 'bought' or now_us >= end_us then return 'ended' end
  if now_us < start_us then return 'not_started' end
  if bidder == seller then return 'seller' end
  if kind ~= 'buy_now' and bid_currency ~= currency then return 'wrong_currency' end
end

local function accept(outcome)
  local extended = now_us + extension_us
  if extensions < max_extensions and end_us - now_us <= window_us and extended > end_us then
    end_us, extensions = extended, extensions + 1
  end
  status, bid_count = 'active', bid_count + 1
  return outcome, ''
end

-- The bidder leads at that price. A ceiling that reaches the reserve lifts the price to the reserve.
local function lead(at, new_ceiling)
  price = new_ceiling >= reserve and max(at, reserve) or at
  ceiling, leader = new_ceiling, bidder
  return accept('leading')
end

-- The end moves to the time of the purchase. Only the sealing can follow.
local function buy()
  if buy_now == 0 then return 'refused', 'buy_now_not_offered' end
  if not buy_now_available() then return 'refused', 'buy_now_withdrawn' end
  status, price, ceiling, leader, end_us, bid_count = 'bought', buy_now, buy_now, bidder, now_us, bid_count + 1
  return 'leading', ''
end

local function first_bid()
  if limit < opening then return 'refused', 'too_low' end
  return lead(max(opening, amount), limit)
end

-- The leader bids again. A higher ceiling does not move the price; a direct bid raises the leader's own price.
local function raise()
  if kind == 'proxy' then
    if bid_max <= ceiling then return 'refused', 'ceiling_not_raised' end
    return lead(max(price, amount), bid_max)
  end
  if amount < minimum_bid() then return 'refused', 'too_low' end
  return lead(amount, max(ceiling, amount))
end

-- Up to the standing ceiling the leader stays ahead, at the lowest price that achieves it. On equal ceilings the
-- earlier bid leads.
local function challenge()
  if limit < minimum_bid() then return 'refused', 'too_low' end
  if limit <= ceiling then
    price = min(ceiling, above(limit))
    return accept('outbid')
  end
  return lead(max(min(limit, above(ceiling)), amount), limit)
end

local function decide()
  local rejection = admit()
  if rejection then return 'refused', rejection end
  if kind == 'buy_now' then return buy() end
  if bid_count == 0 then return first_bid() end
  if bidder == leader then return raise() end
  return challenge()
end

-- 4. Velocity. A window holds the times of a bidder's last accepted bids, each 16 digits and a blank, oldest first. It
--    rejects a bid if it is full and its oldest time is younger than the window's length. A time that is further ahead
--    than that is damage, and rejects nothing. A key of another type reads as missing, and is replaced. A bid that is
--    decided again is taken out of the window first, if it was accepted: it counts once, and the limit still applies.

local count = floor((#ARGV - FIRST_BID + 1) / BID_FIELDS)
local windows, changed_windows = {}, {} -- by key
if #KEYS >= FIRST_WINDOW then
  local texts = call('MGET', unpack(KEYS, FIRST_WINDOW))
  for i = 1, #texts do windows[KEYS[FIRST_WINDOW + i - 1]] = texts[i] or '' end
end

local TIME_LENGTH = 17
local clock_text = format('%016d ', clock_us)

local function over_limit(window_key)
  local window = windows[window_key]
  local oldest = tonumber(sub(window, -TIME_LENGTH * WINDOW_BIDS, -TIME_LENGTH * (WINDOW_BIDS - 1) - 2))
  local full = #window >= TIME_LENGTH * WINDOW_BIDS
  return full and oldest and math.abs(clock_us - oldest) < WINDOW_S * 1000000
end

local function count_accepted(window_key)
  windows[window_key] = sub(windows[window_key] .. clock_text, -TIME_LENGTH * WINDOW_BIDS)
  changed_windows[window_key] = true
end

-- Takes the bid of a decision line out of the window: the newest time that is not later than the decision.
local function uncount(window_key, line)
  local outcome, at = match(line, '^([a-z]+) [a-z_]* %d+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]* %d+ %d+ (%d+) ')
  if not outcome or outcome == 'refused' then return end
  local window = windows[window_key]
  for from = #window - TIME_LENGTH + 1, 1, -TIME_LENGTH do
    local time_us = tonumber(sub(window, from, from + TIME_LENGTH - 2))
    if time_us and time_us <= tonumber(at) then
      windows[window_key] = sub(window, 1, from - 1) .. sub(window, from + TIME_LENGTH)
      changed_windows[window_key] = true
      return
    end
  end
end

-- 5. The bids. Each gets the answer that is stored under its key, unless the bid replaces it; or else a decision on top
--    of the state so far.

local function number(n) return format('%d', n) end -- tostring would lose digits, and %.0f costs five times as much

local function state()
  return format('%s %d %d %s %d %d %d', status, price, ceiling, leader, end_us, extensions, bid_count)
end

-- One hash holds all answers of a period, so that one command writes the answers of a whole call. With one key for each
-- answer the writes would cost as much as everything else. The hash of a period expires as a whole at the end of the
-- next period, when its key is used again.
local period = floor(time[1] / ANSWERS_S)
local answers_now, answers_before = KEYS[FIRST_ANSWERS + period % 2], KEYS[FIRST_ANSWERS + (period + 1) % 2]

local fields_asked = {}
for i = 1, count do
  local a = FIRST_BID + (i - 1) * BID_FIELDS
  fields_asked[i] = ARGV[a + 2] .. ' ' .. ARGV[a + 3]
end

-- A key of another type is damage, and is replaced.
local function answers_of(key)
  local lines = redis.pcall('HMGET', key, unpack(fields_asked))
  if not lines.err then return lines end
  if not wrong_type(lines.err) then error(lines) end
  call('DEL', key)
  return {}
end

local stored_now, stored_before = answers_of(answers_now), answers_of(answers_before)
local decided_now = {} -- field -> line: a key may occur twice in one call
local answers = {}     -- field, line, field, line, ...: decided in this call
local entries = {}     -- version, line, version, line, ...: accepted in this call
local reply = { digest == KNOWN_DIGEST and '' or terms }
local before, version_text = state(), number(version)
local basis_us, basis = now_us, ' ' .. number(now_us) .. ' ' .. digest .. ' '
local next_window = FIRST_WINDOW

for i = 1, count do
  local field, a = fields_asked[i], FIRST_BID + (i - 1) * BID_FIELDS
  local replaced, window_key = ARGV[a + 7], nil
  if sub(replaced, 1, 7) == 'limited' then
    replaced, window_key = sub(replaced, 8), KEYS[next_window]
    next_window = next_window + 1
  end
  local line = decided_now[field] or stored_now[i] or stored_before[i]
  -- The id is the fourth field of a decision line. A record that is not such a line counts as missing.
  local stored_id = line and match(line, '^[a-z]+ [a-z_]* %d+ ([^ ]+) ')
  if not stored_id or stored_id == replaced then
    if stored_id and window_key then uncount(window_key, line) end
    local id, amount_text, max_text = ARGV[a], ARGV[a + 5], ARGV[a + 6]
    kind, bidder, bid_currency = ARGV[a + 1], ARGV[a + 2], ARGV[a + 4]
    amount, bid_max = tonumber(amount_text), tonumber(max_text)
    limit = kind == 'proxy' and bid_max or amount
    now_us = max(clock_us, kind == 'buy_now' and decided_us + 1 or decided_us)
    if now_us ~= basis_us then
      basis_us, basis = now_us, ' ' .. number(now_us) .. ' ' .. digest .. ' '
    end

    local outcome, reason
    if window_key and over_limit(window_key) then
      outcome, reason = 'refused', 'velocity'
    else
      outcome, reason = decide()
    end
    local prev, after = head, before
    if outcome ~= 'refused' then
      version, head, after, decided_us = version + 1, id, state(), now_us
      version_text = number(version)
    end
    line = outcome .. ' ' .. reason .. ' ' .. version_text .. ' ' .. id .. ' ' .. prev .. ' ' .. kind .. ' '
      .. field .. ' ' .. bid_currency .. ' ' .. amount_text .. ' ' .. max_text .. basis .. before .. ' ' .. after
    if outcome ~= 'refused' then
      if window_key then count_accepted(window_key) end
      entries[#entries + 1] = version_text
      entries[#entries + 1] = line
      before = after
    end
    if reason ~= 'velocity' then
      if stored_before[i] then call('HDEL', answers_before, field) end -- the clock may step back to that period
      decided_now[field] = line
      answers[#answers + 1] = field
      answers[#answers + 1] = line
    end
  end
  reply[i + 1] = line
end

-- 6. The pending entries, the answers, the state with its head, and the windows. The index comes before the pending
--    entries, so that it lacks no auction that has some. Both come before everything else: if they cannot be written,
--    no bid was decided.

if #entries > 0 then
  local id = sub(HASH, -36)
  local added = redis.pcall('SADD', INDEX, id)
  if type(added) == 'table' and added.err then
    if not wrong_type(added.err) then return added end
    call('DEL', INDEX)
    call('SADD', INDEX, id)
  end
  local set = redis.pcall('HSET', PENDING, unpack(entries))
  if type(set) == 'table' and set.err then
    if not wrong_type(set.err) then return set end
    call('DEL', HASH, PENDING)
    call('SREM', INDEX, id)
    return nil
  end
end
if #answers > 0 then
  call('HSET', answers_now, unpack(answers))
  -- Two EXPIREs in every call would cost as much as the decision of a bid. So expiry times are renewed only after a
  -- sixteenth of the idle time, and in a new period. kept_s is the time of the last renewal.
  local now_s, kept_s = tonumber(time[1]), tonumber(fields[13] or nil) or 0
  if math.abs(now_s - kept_s) >= IDLE_S / 16 or floor(kept_s / ANSWERS_S) ~= period then
    call('HSET', HASH, 'kept_s', now_s)
    call('EXPIRE', HASH, IDLE_S)
    call('EXPIRE', answers_now, (period + 2) * ANSWERS_S - now_s)
  end
end
if #entries > 0 then
  call('HSET', HASH, 'price', number(price), 'ceiling', number(ceiling), 'leader', leader,
    'bid_count', number(bid_count), 'version', version_text, 'head', head,
    'decided_us', number(decided_us))
  -- These change rarely.
  if status ~= fields[2] then call('HSET', HASH, 'status', status) end
  if end_us ~= tonumber(fields[7]) or extensions ~= tonumber(fields[8]) then
    call('HSET', HASH, 'end_us', number(end_us), 'extensions', number(extensions))
  end
end
for key in pairs(changed_windows) do call('SET', key, windows[key], 'EX', WINDOW_S) end
return reply
