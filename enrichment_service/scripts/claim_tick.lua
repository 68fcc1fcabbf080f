-- claim_tick: hands the tick of one due account to a worker, after taking back the leases of workers that went silent.
-- Keys:   1 the header key.
-- Args:   lease_ms, but_not? (true: claim nothing, only look; for a worker that is full).
-- Result: {claimed?: {account, settings, token, budget, midnight, late_ms (since it was due)}, due? (ms of the next
--         due tick), open (leases and permits that are open), sweep (boolean: call sweep_cancelled), now}.
--
-- A tick whose worker went silent goes on: the next to claim it gets the views that it has left (seed: 15 per tick).
local function take_back(c, a)
  redis.call('ZREM', c:leases(), a)
  local account = hgetall(c:account(a))
  if not account.strategy then return end
  redis.call('HINCRBY', c:account(a), 'fence', 1)
  redis.call('HSET', c:account(a), 'interrupted', '1')
  abandon_view(c, a, account)
  schedule(c, a)
end

-- Profiles whose time for another try has come go to the front of their queues.
local function bring_back_retries(c, a)
  local members = redis.call('ZRANGEBYSCORE', c:retries(a), '-inf', int(c.now), 'LIMIT', 0, 15)
  for _, member in ipairs(members) do
    redis.call('ZREM', c:retries(a), member)
    local e, p = string.match(member, '^(.*)|(.*)$')
    local s, enrichment = read_state(c, e, p), hgetall(c:enrichment(e))
    if s and s.state == 'r' and not enrichment.cancelled then
      move(c, e, enrichment, p, s, 'q')
      redis.call('LPUSH', c:queue(e), p)
      join_ring(c, e, enrichment)
    end
  end
end

register('claim_tick', {}, function(c, request)
  begin_writing(c)
  expire_permits(c)
  for _, a in ipairs(redis.call('ZRANGEBYSCORE', c:leases(), '-inf', int(c.real), 'LIMIT', 0, 10)) do take_back(c, a) end

  local answer = { now = c.now }
  local due = request.but_not and {} or redis.call('ZRANGEBYSCORE', c:due(), '-inf', int(c.now), 'WITHSCORES', 'LIMIT', 0, 1)
  if #due > 0 then
    local a = due[1]
    local account = hgetall(c:account(a))
    bring_back_retries(c, a)
    if account.pause_reason then resume_account(c, a, account) end
    redis.call('ZREM', c:due(), a)
    local token = redis.call('HINCRBY', c:account(a), 'fence', 1)
    redis.call('ZADD', c:leases(), int(c.real + request.lease_ms), a)
    if not account.interrupted or c.now >= num(account.tick_at) + TICK_MS then
      redis.call('HSET', c:account(a), 'tick_at', int(c.now), 'tick_views', 0)
    end
    redis.call('HDEL', c:account(a), 'interrupted')
    answer.claimed = {
      account = a, settings = account, token = token, budget = read_budget(c, a, hgetall(c:account(a))),
      midnight = midnight(c), late_ms = c.now - tonumber(due[2]),
    }
  end
  local next_due = redis.call('ZRANGE', c:due(), 0, 0, 'WITHSCORES')
  if #next_due > 0 then answer.due = tonumber(next_due[2]) end
  answer.sweep = redis.call('EXISTS', c:sweeps()) == 1
  answer.open = redis.call('ZCARD', c:leases()) + redis.call('ZCARD', c:permits())
  return answer
end)
