-- get_enrichment: reads an enrichment, its account and its budget: all that pause and forecast need.
-- Keys:   1 the header key.
-- Args:   enrichment.
-- Result: {id, settings, progress, now, account (account_view), budget, others, before}: `others` are the pending counts of
--         the other enrichments that take turns on the account, in turn (at most 100 are looked at); the first `before` of
--         them have their turn before this one.
-- Refuses ENRICHMENT_NOT_FOUND.
register('get_enrichment', { 'no-writes' }, function(c, request)
  local e = request.enrichment
  local enrichment = load_enrichment(c, e)
  local a = enrichment.account
  local account = hgetall(c:account(a))
  local view = enrichment_view(c, e, enrichment)
  -- A cancelled enrichment outlives its account.
  if account.strategy then view.account, view.budget = account_view(c, a, account), read_budget(c, a, account) end
  view.others = {}
  for _, other in ipairs(redis.call('LRANGE', c:ring(a), 0, 99)) do
    if other == e then
      view.before = #view.others
    else
      view.others[#view.others + 1] = num(redis.call('HGET', c:enrichment(other), 'pending'))
    end
  end
  view.before = view.before or #view.others
  view.due = tonumber(redis.call('ZSCORE', c:due(), a) or nil)
  return view
end)
