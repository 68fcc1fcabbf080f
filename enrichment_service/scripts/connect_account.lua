-- connect_account: creates an account whose provider account has been claimed.
-- Keys:   1 the header key.
-- Args:   account ('<workspace>/<id>'), settings {provider, display_name, strategy, campaign_share, pacing, hours?},
--         ramp_start? (day), request_id?, body?.
-- Result: the account (account_view).
-- Refuses ACCOUNT_EXISTS, RAMP_START_IN_FUTURE, REQUEST_ID_REUSED.
register('connect_account', {}, function(c, request)
  local a = request.account
  local ws, id = string.match(a, '^([^/]+)/(.+)$')
  local repeated = repeated_answer(c, ws, request)
  if repeated then return repeated end
  if redis.call('HEXISTS', c:account(a), 'strategy') == 1 then refuse({ reason = 'ACCOUNT_EXISTS' }) end
  local ramp_start = request.ramp_start or c.day
  if ramp_start > c.day then refuse({ reason = 'RAMP_START_IN_FUTURE' }) end

  begin_writing(c)
  local settings = request.settings
  settings.ramp_start, settings.created, settings.updated, settings.revision = ramp_start, int(c.now), int(c.now), 1
  -- An account of this name that was deleted today has counters still; its fence and its open views go on too.
  for field, value in pairs(settings) do redis.call('HSET', c:account(a), field, value) end
  redis.call('PERSIST', c:account(a))
  redis.call('ZADD', c:accounts(ws), 0, id)
  local account = hgetall(c:account(a))
  tally_ramp(c, account, 1)
  append_event(c, {
    t = 'ACCOUNT_CONNECTED', w = ws, a = a, budget = budget_summary(read_budget(c, a, account)),
  })
  local answer = account_view(c, a, account)
  remember_answer(c, ws, request, answer)
  return answer
end)
