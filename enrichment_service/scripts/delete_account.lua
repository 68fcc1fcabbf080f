-- delete_account: deletes an account. Its budget counters stay (they have a TTL), and so do its fence and its open views, so
-- that an account of the same name gets no second budget on the same day.
-- Keys:   1 the header key.
-- Args:   account, revision? (refuse unless it is the current one).
-- Result: {provider}: whose claim is to be freed.
-- Refuses ACCOUNT_NOT_FOUND, ETAG_MISMATCH, ACCOUNT_IN_USE (an enrichment that is not cancelled uses it).
register('delete_account', {}, function(c, request)
  local a = request.account
  local account = load_account(c, a)
  if request.revision and request.revision ~= account.revision then refuse({ reason = 'ETAG_MISMATCH' }) end
  if num(account.enrichments) > 0 then refuse({ reason = 'ACCOUNT_IN_USE', enrichments = num(account.enrichments) }) end

  begin_writing(c)
  append_event(c, {
    t = 'ACCOUNT_DELETED', w = workspace_of(a), a = a, budget = budget_summary(read_budget(c, a, account)),
  })
  tally_ramp(c, account, -1)
  tally_pause(c, account.pause_reason, nil)
  redis.call('DEL', c:account(a), c:ring(a), c:retries(a))
  redis.call('HSET', c:account(a), 'fence', num(account.fence) + 1, 'open', num(account.open))
  redis.call('EXPIRE', c:account(a), 2 * 86400)
  local ws, id = string.match(a, '^([^/]+)/(.+)$')
  redis.call('ZREM', c:accounts(ws), id)
  redis.call('ZREM', c:due(), a)
  redis.call('ZREM', c:leases(), a)
  redis.call('ZREM', c:polls(), a)
  return { provider = account.provider }
end)
