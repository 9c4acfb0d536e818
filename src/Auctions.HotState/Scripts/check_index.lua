-- check_index: deletes the index of a shard if it is of another type. A full look makes it again.
--
-- KEYS  1  the auctions of a shard with pending entries (set of ids)
--
-- Reply 1  the index was damaged and is deleted
--       0  nothing was done

local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'set' or kind == 'none' then return 0 end
return redis.call('DEL', KEYS[1])
