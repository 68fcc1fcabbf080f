-- update_account: changes settings of an account. A new strategy starts its ramp today; a cap acts at once.
-- Keys:   1 the header key.
-- Args:   account, settings {field: value} (display_name, strategy, campaign_share, pacing, hours), ramp_start? (day),
--         revision? (refuse unless it is the current one).
-- Result: the account (account_view).
-- Refuses ACCOUNT_NOT_FOUND, ETAG_MISMATCH, RAMP_START_IN_FUTURE.
register('update_account', {}, function(c, request)
  local a = request.account
  local account = load_account(c, a)
  if request.revision and request.revision ~= account.revision then refuse({ reason = 'ETAG_MISMATCH' }) end
  local ramp_start = request.ramp_start
  if ramp_start and ramp_start > c.day then refuse({ reason = 'RAMP_START_IN_FUTURE' }) end

  begin_writing(c)
  tally_ramp(c, account, -1)
  local changes = request.settings
  if changes.strategy and changes.strategy ~= account.strategy then ramp_start = ramp_start or c.day end
  if ramp_start then changes.ramp_start = ramp_start end
  changes.updated, changes.revision = int(c.now), num(account.revision) + 1
  for field, value in pairs(changes) do redis.call('HSET', c:account(a), field, value) end
  reconsider_cap(c, a)
  account = hgetall(c:account(a))
  tally_ramp(c, account, 1)
  append_event(c, {
    t = 'ACCOUNT_UPDATED', w = workspace_of(a), a = a, budget = budget_summary(read_budget(c, a, account)),
  })
  return account_view(c, a, account)
end)
