-- claim_polls: hands out accounts that the provider is to be asked about, each once until its next time.
-- Keys:   1 the header key.
-- Args:   older_than_ms (only what has waited so long), limit.
-- Result: list of {account, provider}.
register('claim_polls', {}, function(c, request)
  local waiting = redis.call('ZRANGEBYSCORE', c:polls(), '-inf', int(c.real - request.older_than_ms), 'LIMIT', 0, request.limit)
  if #waiting == 0 then return {} end
  begin_writing(c)
  local claimed = {}
  for i, a in ipairs(waiting) do
    local account = hgetall(c:account(a))
    if c.real - num(account.polled_at) > DAY_MS then account.polls = 0 end
    account.polls, account.polled_at = num(account.polls) + 1, int(c.real)
    redis.call('HSET', c:account(a), 'polls', account.polls, 'polled_at', account.polled_at)
    watch_provider(c, a, account)
    claimed[i] = { account = a, provider = account.provider }
  end
  return claimed
end)
