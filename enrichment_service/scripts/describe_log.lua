-- describe_log: where the log of a partition begins and ends.
-- Keys:   1 the header key.
-- Args:   none.
-- Result: {head (newest id, '0-0' when empty), trimmed (newest id that is gone, '0-0'), oldest? (oldest id), length,
--         retention_ms}.
register('describe_log', { 'no-writes' }, function(c)
  local newest = redis.call('XREVRANGE', c:log(), '+', '-', 'COUNT', 1)
  local oldest = redis.call('XRANGE', c:log(), '-', '+', 'COUNT', 1)
  return {
    head = newest[1] and newest[1][1] or '0-0', oldest = oldest[1] and oldest[1][1],
    trimmed = redis.call('HGET', c:header(), 'trimmed') or '0-0',
    length = redis.call('XLEN', c:log()), retention_ms = c.retention_ms,
  }
end)
