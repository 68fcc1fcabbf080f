-- reserve_views: sets views of an account's budget aside.
-- Keys:   1 the header key.
-- Args:   account, purpose, count, reservation (its id), ttl_ms, allow_partial?, validate_only?, request_id?, body?.
-- Result: {granted, reservation, use_before, expires, budget}.
-- Refuses ACCOUNT_NOT_FOUND, VIEW_BUDGET_EXHAUSTED, REQUEST_ID_REUSED.
register('reserve_views', {}, function(c, request)
  local a = request.account
  local ws = workspace_of(a)
  local account = load_account(c, a)
  local repeated = repeated_answer(c, ws, request)
  if repeated then return repeated end
  local budget = read_budget(c, a, account)
  local granted = grant(budget, request, midnight(c), c.now)
  local answer = {
    granted = granted, reservation = request.reservation, expires = c.real + request.ttl_ms,
    use_before = math.min(midnight(c), c.now + request.ttl_ms), budget = budget,
  }
  if request.validate_only then return answer end

  begin_writing(c)
  expire_permits(c)
  open_reservation(c, a, request.reservation, request.purpose, granted, request.ttl_ms)
  answer.budget = read_budget(c, a, hgetall(c:account(a)))
  remember_answer(c, ws, request, answer)
  return answer
end)
