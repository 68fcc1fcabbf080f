-- sweep_cancelled: writes down, in one bucket of a cancelled enrichment, that what was pending is withdrawn, and lets go of
-- the people that nobody waits for any more. Called until nothing is left; any process may go on where another stopped.
-- Keys:   1 the header key.
-- Args:   none.
-- Result: {more (boolean: call again)}.
register('sweep_cancelled', {}, function(c)
  local e = redis.call('LINDEX', c:sweeps(), 0)
  if not e then return { more = false } end
  local ws, enrichment = workspace_of(e), hgetall(c:enrichment(e))
  local from = enrichment.swept and '(' .. enrichment.swept or '-'
  local bucket = redis.call('ZRANGEBYLEX', c:buckets(e), from, '+', 'LIMIT', 0, 1)[1]

  begin_writing(c)
  if not bucket then
    redis.call('LPOP', c:sweeps())
    redis.call('HDEL', c:enrichment(e), 'swept')
    schedule(c, enrichment.account)
    return { more = redis.call('EXISTS', c:sweeps()) == 1 }
  end
  for p in pairs(hgetall(c:states(e, bucket))) do
    local s = read_state(c, e, p)
    if SUFFIX[s.state] == 'pending' then
      redis.call('ZREM', c:retries(enrichment.account), e .. '|' .. p)
      s.state = 'w'
      write_state(c, e, p, s)
      wait_for(c, ws, p, -1)
    end
  end
  redis.call('HSET', c:enrichment(e), 'swept', bucket)
  return { more = true }
end)
