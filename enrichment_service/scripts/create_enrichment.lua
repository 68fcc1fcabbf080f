-- create_enrichment: starts an empty enrichment on an account.
-- Keys:   1 the header key.
-- Args:   enrichment ('<workspace>/<id>'), account, display_name, max_age_ms, request_id?, body?.
-- Result: {id, account, settings, progress}: as get_enrichment without the forecast's inputs.
-- Refuses ACCOUNT_NOT_FOUND, ENRICHMENT_EXISTS, REQUEST_ID_REUSED.
register('create_enrichment', {}, function(c, request)
  local e, a = request.enrichment, request.account
  local ws, id = string.match(e, '^([^/]+)/(.+)$')
  local repeated = repeated_answer(c, ws, request)
  if repeated then return repeated end
  load_account(c, a)
  if redis.call('EXISTS', c:enrichment(e)) == 1 then refuse({ reason = 'ENRICHMENT_EXISTS' }) end

  begin_writing(c)
  redis.call('HSET', c:enrichment(e), 'account', a, 'display_name', request.display_name,
    'max_age_ms', int(request.max_age_ms), 'created', int(c.now))
  redis.call('ZADD', c:enrichments(ws), 0, id)
  redis.call('ZADD', c:directory(), 0, e)
  redis.call('HINCRBY', c:account(a), 'enrichments', 1)
  local enrichment = hgetall(c:enrichment(e))
  append_event(c, { t = 'ENRICHMENT_CREATED', w = ws, a = a, e = e, progress = progress_of(enrichment) })
  local answer = enrichment_view(c, e, enrichment)
  remember_answer(c, ws, request, answer)
  return answer
end)
