-- Accounts: their settings, their pauses, and when they are due.
--
-- account:{ws}/{id}  HASH: provider, display_name, strategy, ramp_start (day), campaign_share, pacing, hours (JSON),
--                    created, updated, revision, fence, open, pause_reason, pause_since, pause_until, errors, errors_day,
--                    probing (the breaker has opened and no view has succeeded since), tick_at and tick_views (when the
--                    tick began, its views), interrupted (its worker went silent), enrichments,
--                    in_flight ('<enrichment>|<profile>|<reservation>'), disconnected (by its caller), limit_until (end
--                    of LinkedIn's own limit, which other pauses do not shorten), polls and polled_at (real time): how often
--                    and when the provider was last asked about it
-- due                ZSET of accounts that have work, by the calendar time at which their next tick is due.
-- leases             ZSET of accounts whose tick is being worked, by the real time at which the lease ends.
-- ring:{account}     LIST of the enrichments that have something queued, in turn.
-- polls              ZSET of accounts that the provider may say are connected again, by the real time to ask at.
-- retries:{account}  ZSET of '<enrichment>|<profile>' by the calendar time of the next try.

local TICK_MS = 180000 -- seed: every 3 minutes
local TICK_VIEWS = 15 -- seed: up to 15 per tick
local BREAKER_ERRORS = 10 -- seed: 10+ errors in a day
local POLL_MS = 60000
local POLL_DOUBLINGS = 6 -- to about an hour

local function load_account(c, a)
  local account = hgetall(c:account(a))
  if not account.strategy then refuse({ reason = 'ACCOUNT_NOT_FOUND', account = a }) end
  return account
end

local function workspace_of(name)
  return string.match(name, '^([^/]+)/')
end

-- What a caller sees of an account.
local function account_view(c, a, account)
  local cap, week = daily_cap(account, c.day)
  return {
    id = a, settings = account, cap = cap, week = week, now = c.now,
    errors = num(account.errors_day) == c.day and num(account.errors) or 0,
  }
end

-- When the account resumes after 00:00 UTC. Callers pass `spread_ms`, which spreads accounts over 15 minutes.
local function resumption(c, request)
  return midnight(c) + request.spread_ms
end

-- Sets when the next tick is due from what there is to do. Nothing while leased: the end of the tick comes here again.
local function schedule(c, a)
  if redis.call('ZSCORE', c:leases(), a) then return end
  local fields = redis.call('HMGET', c:account(a), 'pause_reason', 'pause_until', 'tick_at', 'interrupted')
  local reason, until_ms, tick_at, interrupted = fields[1], num(fields[2]), num(fields[3]), fields[4]
  local earliest = nil
  if redis.call('EXISTS', c:ring(a)) == 1 then
    earliest = c.now
  else
    local retry = redis.call('ZRANGE', c:retries(a), 0, 0, 'WITHSCORES')
    if #retry > 0 then earliest = tonumber(retry[2]) end
  end
  if earliest == nil or (reason and until_ms == 0) then
    redis.call('ZREM', c:due(), a)
    return
  end
  -- A tick that was interrupted goes on at once with the views that it has left.
  if tick_at > 0 and not interrupted then earliest = math.max(earliest, tick_at + TICK_MS) end
  if reason then earliest = math.max(earliest, until_ms) end
  redis.call('ZADD', c:due(), int(earliest), a)
end

-- Asks the provider from time to time about an account that it may have connected again, ever more rarely while that is of
-- no use. Never about one that its caller has disconnected, or whose pause is for a person to end.
local function watch_provider(c, a, account)
  if account.pause_reason ~= 'ACCOUNT_DISCONNECTED' or account.disconnected then
    redis.call('ZREM', c:polls(), a)
    return
  end
  if c.real - num(account.polled_at) > DAY_MS then account.polls = 0 end
  local wait_ms = POLL_MS * (2 ^ math.min(num(account.polls), POLL_DOUBLINGS) - 1)
  redis.call('ZADD', c:polls(), int(c.real + wait_ms), a)
end

-- Pauses an account; `until_ms` nil means that it waits for a person. A pause that waits for a person is not replaced by
-- one that ends by itself, nor a longer one by a shorter.
local function pause_account(c, a, account, reason, until_ms)
  if reason == 'PROVIDER_LIMIT' and until_ms > num(account.limit_until) then
    account.limit_until = int(until_ms)
    redis.call('HSET', c:account(a), 'limit_until', account.limit_until)
  end
  if account.pause_reason == reason and num(account.pause_until) == (until_ms or 0) then return end
  local current = account.pause_reason and num(account.pause_until)
  if current and until_ms and (current == 0 or current > until_ms) then return end
  tally_pause(c, account.pause_reason, reason)
  account.pause_reason, account.pause_since = reason, int(c.now)
  account.pause_until = until_ms and int(until_ms) or nil
  redis.call('HSET', c:account(a), 'pause_reason', reason, 'pause_since', account.pause_since)
  if until_ms then
    redis.call('HSET', c:account(a), 'pause_until', account.pause_until)
  else
    redis.call('HDEL', c:account(a), 'pause_until')
  end
  watch_provider(c, a, account)
  append_event(c, {
    t = 'ACCOUNT_PAUSED', w = workspace_of(a), a = a, budget = budget_summary(read_budget(c, a, account)),
    pause = { reason = reason, since = c.now, until_ms = until_ms },
  })
end

local function resume_account(c, a, account)
  if not account.pause_reason then return end
  tally_pause(c, account.pause_reason, nil)
  account.pause_reason, account.pause_since, account.pause_until = nil, nil, nil
  redis.call('HDEL', c:account(a), 'pause_reason', 'pause_since', 'pause_until')
  watch_provider(c, a, account)
  append_event(c, {
    t = 'ACCOUNT_RESUMED', w = workspace_of(a), a = a, budget = budget_summary(read_budget(c, a, account)),
  })
end

-- Ends a pause that waits for a person. The limit that LinkedIn set before goes on.
local function end_waiting(c, a, account)
  if not account.pause_reason or num(account.pause_until) > 0 then return end
  if num(account.limit_until) <= c.now then return resume_account(c, a, account) end
  tally_pause(c, account.pause_reason, nil)
  account.pause_reason = nil
  pause_account(c, a, account, 'PROVIDER_LIMIT', num(account.limit_until))
end

-- A pause for the day's cap ends as soon as that day has views again: a refund, a raised cap, a view open since the day
-- before that is held no longer. The pause of an earlier day ends at its own time, spread after 00:00 UTC.
local function reconsider_cap(c, a)
  local account = hgetall(c:account(a))
  local of_today = math.floor(num(account.pause_since) / DAY_MS) == c.day
  if account.pause_reason == 'DAILY_CAP_REACHED' and of_today and read_budget(c, a, account).for_enrichment > 0 then
    resume_account(c, a, account)
    schedule(c, a)
  end
end

-- Charges what has expired, and lets the accounts go on that it held back.
local function expire_permits(c)
  for a in pairs(charge_expired(c)) do reconsider_cap(c, a) end
end

-- Counts an error of the provider or of LinkedIn towards the breaker. True when it opened.
local function count_error(c, a, account)
  if num(account.errors_day) ~= c.day then account.errors = 0 end
  account.errors, account.errors_day = num(account.errors) + 1, c.day
  redis.call('HSET', c:account(a), 'errors', account.errors, 'errors_day', c.day)
  return account.errors >= BREAKER_ERRORS or account.probing ~= nil
end
