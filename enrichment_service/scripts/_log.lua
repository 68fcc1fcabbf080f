-- The event log of a partition: one stream. Entries hold ids, the submitter's reference and numbers, never personal data.
--
-- An entry has one field, `e`: JSON with t type, a account, w workspace, and where they apply e enrichment, p profile,
-- r reference, v revision, f failure reason, x final, pause, budget, progress.

-- Appends an event. Its id is the partition's time, which never moves back, so XADD cannot refuse it.
local function append_event(c, event)
  redis.call('XADD', c:log(), int(c.now) .. '-*', 'e', cjson.encode(event))
  local floor = int(c.now - c.retention_ms)
  local oldest = redis.call('XRANGE', c:log(), '-', '(' .. floor .. '-0', 'COUNT', 1)
  if #oldest > 0 then
    -- The newest entry that goes is remembered: a cursor before it has missed something.
    local newest_gone = redis.call('XREVRANGE', c:log(), '(' .. floor .. '-0', '-', 'COUNT', 1)
    redis.call('XTRIM', c:log(), 'MINID', '=', floor .. '-0')
    redis.call('HSET', c:header(), 'trimmed', newest_gone[1][1])
  end
end
