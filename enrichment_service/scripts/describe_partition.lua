-- describe_partition: what the metrics of a partition are made of. Costs the same for ten accounts and for a million.
-- Keys:   1 the header key.
-- Args:   none.
-- Result: {now, lost (boolean: today's budgets refuse), tally {field: count} (_tally.lua), ramps {strategy: {accounts, cap}},
--         spent {purpose: views charged today}, due (accounts whose tick is due), late_ms (of the one due longest), working
--         (leases), log {length, added (entries ever), age_ms (of the oldest entry), retention_ms}}.
local function log_summary(c)
  local summary = { length = 0, added = 0, age_ms = 0, retention_ms = c.retention_ms }
  if redis.call('EXISTS', c:log()) == 0 then return summary end
  local flat = redis.call('XINFO', 'STREAM', c:log())
  for i = 1, #flat, 2 do
    if flat[i] == 'length' then summary.length = flat[i + 1] end
    if flat[i] == 'entries-added' then summary.added = flat[i + 1] end
    if flat[i] == 'first-entry' and flat[i + 1] then
      summary.age_ms = math.max(0, c.now - num(string.match(flat[i + 1][1], '^%d+')))
    end
  end
  return summary
end

register('describe_partition', { 'no-writes' }, function(c)
  local ramps = {}
  for field, accounts in pairs(hgetall(c:ramps())) do
    local strategy, ramp_start = string.match(field, '^(.+):(%-?%d+)$')
    local cap = daily_cap({ strategy = strategy, ramp_start = ramp_start }, c.day)
    local sum = ramps[strategy] or { accounts = 0, cap = 0 }
    sum.accounts, sum.cap = sum.accounts + num(accounts), sum.cap + num(accounts) * cap
    ramps[strategy] = sum
  end
  local first = redis.call('ZRANGE', c:due(), 0, 0, 'WITHSCORES')
  return {
    now = c.now, lost = c.day <= c.lost_day, tally = hgetall(c:tally()), ramps = ramps,
    spent = hgetall(c:spent(c.day)), due = redis.call('ZCOUNT', c:due(), '-inf', int(c.now)),
    late_ms = first[2] and math.max(0, c.now - tonumber(first[2])) or 0, working = redis.call('ZCARD', c:leases()),
    log = log_summary(c),
  }
end)
