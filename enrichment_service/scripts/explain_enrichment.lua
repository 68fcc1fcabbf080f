-- explain_enrichment: reads what an enrichment, or one profile of it, waits for.
-- Keys:   1 the header key.
-- Args:   enrichment, profile?.
-- Result: {id, settings, progress, now, account? (account_view; none once it is deleted), due? (ms of its next tick),
--         at_work (its tick is being worked), viewing? (of this enrichment's view under way: since when), queued (something
--         waits for its turn), retry? (ms of the next try; of the profile, or of the enrichment's first one among the next
--         100 of the account), profile? {state, attempts, since?}}.
-- Refuses ENRICHMENT_NOT_FOUND, PROFILE_NOT_FOUND.
local RETRIES = 100

local function since(c, e, p)
  return tonumber(redis.call('HGET', place_mark(c, e, p)) or nil)
end

register('explain_enrichment', { 'no-writes' }, function(c, request)
  local e, p = request.enrichment, request.profile
  local enrichment = load_enrichment(c, e)
  local s = p and read_state(c, e, p)
  if p and not s then refuse({ reason = 'PROFILE_NOT_FOUND' }) end
  local a, view = enrichment.account, enrichment_view(c, e, enrichment)
  local account = hgetall(c:account(a))
  if account.strategy then view.account = account_view(c, a, account) end
  view.due = tonumber(redis.call('ZSCORE', c:due(), a) or nil)
  view.at_work = redis.call('ZSCORE', c:leases(), a) ~= false
  view.queued = redis.call('EXISTS', c:queue(e)) == 1
  local viewed_in, viewed = string.match(account.in_flight or '', '^([^|]*)|([^|]*)|')
  if viewed_in == e and not enrichment.cancelled then view.viewing = since(c, e, viewed) or c.now end
  if p then
    view.profile = { state = shown_state(enrichment, s), attempts = s.attempts, since = since(c, e, p) }
    view.retry = tonumber(redis.call('ZSCORE', c:retries(a), e .. '|' .. p) or nil)
  else
    local members = redis.call('ZRANGE', c:retries(a), 0, RETRIES - 1, 'WITHSCORES')
    for i = 1, #members, 2 do
      if not view.retry and string.match(members[i], '^(.*)|') == e then view.retry = tonumber(members[i + 1]) end
    end
  end
  return view
end)
