-- list_accounts: reads a page of a workspace's accounts by id.
-- Keys:   1 the header key.
-- Args:   workspace, after (id, '' for the first page), limit.
-- Result: list of accounts (account_view).
register('list_accounts', { 'no-writes' }, function(c, request)
  local from = request.after == '' and '-' or '(' .. request.after
  local ids = redis.call('ZRANGEBYLEX', c:accounts(request.workspace), from, '+', 'LIMIT', 0, request.limit)
  local views = {}
  for _, id in ipairs(ids) do
    local a = request.workspace .. '/' .. id
    views[#views + 1] = account_view(c, a, hgetall(c:account(a)))
  end
  return views
end)
