-- end_tick: gives an account back after its tick and sets when the next one is due. A view that was begun and not finished
-- may have happened: it stays charged, and the profile goes to the front again.
-- Keys:   1 the header key.
-- Args:   account, token, pause? {reason, until_ms} (outside its working hours), not_before? (ms, or 'resumption':
--         after 00:00 UTC), spread_ms? (as in begin_view).
-- Result: {}. Refuses LEASE_LOST.
register('end_tick', {}, function(c, request)
  local a = request.account
  local account = hgetall(c:account(a))
  if not holds_lease(c, a, account, request.token) then refuse({ reason = 'LEASE_LOST' }) end
  begin_writing(c)
  abandon_view(c, a, account)
  -- The view that was given up is held no longer: a pause says what is left now.
  account = hgetall(c:account(a))
  redis.call('ZREM', c:leases(), a)
  if request.pause then pause_account(c, a, account, request.pause.reason, request.pause.until_ms) end
  schedule(c, a)
  if request.not_before then
    local due = redis.call('ZSCORE', c:due(), a)
    local not_before = request.not_before == 'resumption' and resumption(c, request) or request.not_before
    if due and tonumber(due) < not_before then redis.call('ZADD', c:due(), int(not_before), a) end
  end
  return {}
end)
