-- The view budget of an account: what a UTC day allows, what is committed and what is set aside.
--
-- budget:{account}:{day}   HASH of c:<purpose> (committed) and r:<purpose> (reserved). TTL 8 days.
-- permits                  ZSET of '<account>|<reservation>' by the real time at which it expires.
-- reservation:{account}/…  HASH of day, purpose, count, state (open, committed, released, expired), used. TTL 48 h from when
--                          it is settled.
-- account field `open`     views set aside on any day: what is open from the day before is held against the new day too.

local BUDGET_TTL_S = 8 * 86400
local REQUEST_TTL_S = 48 * 3600

-- Cap of the account's strategy in the ramp week of `day`. RAMP comes from policy/caps.py.
local function daily_cap(account, day)
  local ramp = RAMP[account.strategy]
  local week = math.max(1, math.floor((day - num(account.ramp_start)) / 7) + 1)
  if week >= ramp.weeks then return ramp.full, week end
  return ramp.first + math.floor((ramp.full - ramp.first) * (week - 1) / (ramp.weeks - 1)), week
end

-- The reservations of the partition that have expired, as they stand in `permits`. Bounded; what is left over stays held,
-- so it is never given out twice.
local function expired_permits(c)
  return redis.call('ZRANGEBYSCORE', c:permits(), '-inf', int(c.real), 'LIMIT', 0, 50)
end

-- True when an open reservation has expired, even if nobody has charged it yet.
local function is_overdue(c, a, id)
  return (tonumber(redis.call('ZSCORE', c:permits(), a .. '|' .. id)) or 0) <= c.real
end

-- Budget of today as it follows from what is used and held. `available` is what anybody may use, `for_enrichment` what is
-- left of it beside the kept share.
local function budget_of(c, account, usage, held)
  local limit, week = daily_cap(account, c.day)
  local committed = 0
  for field, count in pairs(usage) do
    if string.sub(field, 1, 2) == 'c:' then committed = committed + num(count) end
  end
  local lost = c.day <= c.lost_day
  local available = lost and 0 or math.max(0, limit - committed - held)
  local campaign = num(usage['c:CAMPAIGN_STEP']) + num(usage['r:CAMPAIGN_STEP'])
  local kept = math.max(0, num(account.campaign_share) - campaign)
  return {
    day = c.day, limit = limit, week = week, committed = committed, reserved = held, available = available,
    for_enrichment = math.max(0, available - kept), usage = usage, lost = lost,
  }
end

-- Budget of today. What has expired counts as charged, whether or not anybody has come to charge it.
local function read_budget(c, a, account)
  local usage, held = hgetall(c:budget(a, c.day)), num(account.open)
  for _, member in ipairs(expired_permits(c)) do
    local owner, id = string.match(member, '^(.*)|(.*)$')
    if owner == a then
      local reservation = hgetall(c:reservation(a, id))
      local purpose, count = reservation.purpose, num(reservation.count)
      held = held - count
      if num(reservation.day) == c.day then
        usage['r:' .. purpose] = num(usage['r:' .. purpose]) - count
        usage['c:' .. purpose] = num(usage['c:' .. purpose]) + count
      end
    end
  end
  return budget_of(c, account, usage, held)
end

-- The few numbers that an event carries.
local function budget_summary(budget)
  return {
    day = budget.day, limit = budget.limit, committed = budget.committed, reserved = budget.reserved,
    enrichment = num(budget.usage['c:ENRICHMENT']),
  }
end

local function charge(c, a, day, purpose, count)
  if count == 0 then return end
  local key = c:budget(a, day)
  -- The first of its kind may have made the key.
  if redis.call('HINCRBY', key, 'c:' .. purpose, count) == count then redis.call('EXPIRE', key, BUDGET_TTL_S) end
  tally_spent(c, day, purpose, count)
end

-- Sets views aside. The caller has checked that they are there.
local function open_reservation(c, a, id, purpose, count, ttl_ms)
  local key, budget = c:reservation(a, id), c:budget(a, c.day)
  redis.call('HINCRBY', budget, 'r:' .. purpose, count)
  redis.call('EXPIRE', budget, BUDGET_TTL_S)
  redis.call('HINCRBY', c:account(a), 'open', count)
  redis.call('HSET', key, 'day', c.day, 'purpose', purpose, 'count', count, 'state', 'open')
  redis.call('ZADD', c:permits(), int(c.real + ttl_ms), a .. '|' .. id)
end

-- Settles an open reservation on the day it was made on: `used` views are charged, the rest returns.
local function close_reservation(c, a, id, reservation, used, state)
  redis.call('HINCRBY', c:budget(a, reservation.day), 'r:' .. reservation.purpose, -num(reservation.count))
  charge(c, a, reservation.day, reservation.purpose, used)
  redis.call('HINCRBY', c:account(a), 'open', -num(reservation.count))
  redis.call('HSET', c:reservation(a, id), 'state', state, 'used', used)
  redis.call('EXPIRE', c:reservation(a, id), REQUEST_TTL_S)
  redis.call('ZREM', c:permits(), a .. '|' .. id)
end

-- Charges what has expired: an unknown outcome counts as views. Returns the accounts as a set.
local function charge_expired(c)
  local accounts = {}
  for _, member in ipairs(expired_permits(c)) do
    local a, id = string.match(member, '^(.*)|(.*)$')
    local reservation = hgetall(c:reservation(a, id))
    close_reservation(c, a, id, reservation, num(reservation.count), 'expired')
    accounts[a] = true
  end
  return accounts
end

local function midnight(c)
  return (c.day + 1) * DAY_MS
end

-- How many of `count` views the budget grants; refuses with what the caller needs to know.
local function grant(budget, request, reset_ms, now)
  local available = request.purpose == 'ENRICHMENT' and budget.for_enrichment or budget.available
  if available >= request.count then return request.count end
  if request.allow_partial and available > 0 then return available end
  refuse({
    reason = 'VIEW_BUDGET_EXHAUSTED', limit = budget.limit, available = available, retry_after_ms = reset_ms - now,
    day_lost = budget.lost,
  })
end

-- The answer that a request id was given before, if any; refuses when the body differs.
local function repeated_answer(c, ws, request)
  if not request.request_id then return nil end
  local stored = redis.call('GET', c:request(ws, request.request_id))
  if not stored then return nil end
  local record = cjson.decode(stored)
  if record.body ~= request.body then refuse({ reason = 'REQUEST_ID_REUSED' }) end
  return record.answer
end

local function remember_answer(c, ws, request, answer)
  if not request.request_id then return end
  redis.call('SET', c:request(ws, request.request_id), cjson.encode({ body = request.body, answer = answer }),
    'EX', REQUEST_TTL_S)
end
