-- What a partition counts about itself, so that metrics cost the same however many accounts there are.
--
-- tally        HASH: paused:{reason} (accounts that are paused now), pauses:{reason} (pauses so far), cache:{hit|late_hit|miss}
--              (lookups so far; a late hit was queued at first).
-- ramps        HASH of '{strategy}:{ramp_start}' -> accounts: few fields, and the caps of all accounts follow from them.
-- spent:{day}  HASH of purpose -> views charged on that day, of all accounts. TTL 8 days.

local SPENT_TTL_S = 8 * 86400

local function tally(c, field, by)
  if by ~= 0 then redis.call('HINCRBY', c:tally(), field, by) end
end

-- An account's pause turns from one reason into another; nil is no pause.
local function tally_pause(c, from, to)
  if from == to then return end
  if from then tally(c, 'paused:' .. from, -1) end
  if to then
    tally(c, 'paused:' .. to, 1)
    tally(c, 'pauses:' .. to, 1)
  end
end

local function tally_ramp(c, account, by)
  local field = account.strategy .. ':' .. account.ramp_start
  if redis.call('HINCRBY', c:ramps(), field, by) <= 0 then redis.call('HDEL', c:ramps(), field) end
end

local function tally_spent(c, day, purpose, count)
  local key = c:spent(day)
  if redis.call('HINCRBY', key, purpose, count) == count then redis.call('EXPIRE', key, SPENT_TTL_S) end
end
