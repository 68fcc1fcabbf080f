-- get_view_budgets: reads today's budgets of accounts.
-- Keys:   1 the header key.
-- Args:   accounts (list).
-- Result: list of budgets (read_budget), in the same order. Refuses ACCOUNT_NOT_FOUND.
register('get_view_budgets', { 'no-writes' }, function(c, request)
  local budgets = {}
  for i, a in ipairs(request.accounts) do budgets[i] = read_budget(c, a, load_account(c, a)) end
  return budgets
end)
