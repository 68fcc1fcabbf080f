-- list_enrichments: reads a page of a workspace's enrichments by id.
-- Keys:   1 the header key.
-- Args:   workspace, after (id, '' for the first page), limit.
-- Result: list of {id, settings, progress, now, account}.
register('list_enrichments', { 'no-writes' }, function(c, request)
  local from = request.after == '' and '-' or '(' .. request.after
  local ids = redis.call('ZRANGEBYLEX', c:enrichments(request.workspace), from, '+', 'LIMIT', 0, request.limit)
  local views = {}
  for _, id in ipairs(ids) do
    local e = request.workspace .. '/' .. id
    local enrichment = hgetall(c:enrichment(e))
    local view = enrichment_view(c, e, enrichment)
    local account = hgetall(c:account(enrichment.account))
    -- A cancelled enrichment outlives its account.
    if account.strategy then view.account = account_view(c, enrichment.account, account) end
    views[#views + 1] = view
  end
  return views
end)
