-- settle: takes entries that the ledger has out of what is pending.
--
-- KEYS  1 the auction's pending entries (hash version -> decision line)
-- ARGV  version and id of each entry, in turn
--
-- Reply how many were taken out
--
-- Steps 1 read the lines at these versions   2 delete those that are the same entry: after a failover another may stand there

local versions = {}
for i = 1, #ARGV, 2 do versions[#versions + 1] = ARGV[i] end

-- 1.

local lines = redis.call('HMGET', KEYS[1], unpack(versions))

-- 2. The id is a line's fourth field.

local settled = {}
for i, version in ipairs(versions) do
  if lines[i] and string.match(lines[i], '^[^ ]* [^ ]* [^ ]* ([^ ]*)') == ARGV[2 * i] then
    settled[#settled + 1] = version
  end
end
if #settled == 0 then return 0 end
return redis.call('HDEL', KEYS[1], unpack(settled))
