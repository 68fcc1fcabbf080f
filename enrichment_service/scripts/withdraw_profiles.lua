-- withdraw_profiles: takes profiles that are pending out of an enrichment. Those that are done, or not there, are passed
-- over. What is under way is viewed to its end and kept in the cache.
-- Keys:   1 the header key.
-- Args:   enrichment, profiles (list of ids, at most 500).
-- Result: {withdrawn}. Refuses ENRICHMENT_NOT_FOUND.
register('withdraw_profiles', {}, function(c, request)
  local e = request.enrichment
  local enrichment = load_enrichment(c, e)
  begin_writing(c)
  local withdrawn, pending_before = 0, num(enrichment.pending)
  for _, p in ipairs(request.profiles) do
    local s = read_state(c, e, p)
    if s and SUFFIX[shown_state(enrichment, s)] == 'pending' then
      -- The queue keeps its entry and passes over it when its turn comes.
      redis.call('ZREM', c:retries(enrichment.account), e .. '|' .. p)
      move(c, e, enrichment, p, s, 'w')
      profile_event(c, e, enrichment, p, s, { t = 'PROFILE_WITHDRAWN' })
      withdrawn = withdrawn + 1
    end
  end
  idle_event(c, e, enrichment, pending_before)
  schedule(c, enrichment.account)
  return { withdrawn = withdrawn }
end)
