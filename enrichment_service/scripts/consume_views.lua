-- consume_views: charges views of an account's budget at once.
-- Keys:   1 the header key.
-- Args:   account, purpose, count, allow_partial?, validate_only?, request_id?, body?.
-- Result: {granted, use_before, budget}.
-- Refuses ACCOUNT_NOT_FOUND, VIEW_BUDGET_EXHAUSTED, REQUEST_ID_REUSED.
register('consume_views', {}, function(c, request)
  local a = request.account
  local ws = workspace_of(a)
  local account = load_account(c, a)
  local repeated = repeated_answer(c, ws, request)
  if repeated then return repeated end
  local budget = read_budget(c, a, account)
  local granted = grant(budget, request, midnight(c), c.now)
  local answer = { granted = granted, use_before = midnight(c), budget = budget }
  if request.validate_only then return answer end

  begin_writing(c)
  charge(c, a, c.day, request.purpose, granted)
  local charged = 'c:' .. request.purpose
  budget.usage[charged] = num(budget.usage[charged]) + granted
  answer.budget = budget_of(c, account, budget.usage, budget.reserved)
  remember_answer(c, ws, request, answer)
  return answer
end)
