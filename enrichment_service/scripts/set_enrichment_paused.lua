-- set_enrichment_paused: pauses an enrichment for its caller, or ends that pause. Repeating it changes nothing.
-- Keys:   1 the header key.
-- Args:   enrichment, paused (boolean).
-- Result: {id, settings, progress, now}. Refuses ENRICHMENT_NOT_FOUND, ENRICHMENT_CANCELLED.
register('set_enrichment_paused', {}, function(c, request)
  local e = request.enrichment
  local enrichment = load_enrichment(c, e)
  if enrichment.cancelled then refuse({ reason = 'ENRICHMENT_CANCELLED' }) end
  if request.paused == (enrichment.paused_at ~= nil) then return enrichment_view(c, e, enrichment) end

  begin_writing(c)
  local a, event = enrichment.account, nil
  if request.paused then
    enrichment.paused_at, enrichment.ringed = int(c.now), nil
    redis.call('HSET', c:enrichment(e), 'paused_at', enrichment.paused_at)
    redis.call('HDEL', c:enrichment(e), 'ringed')
    redis.call('LREM', c:ring(a), 0, e)
    event = 'ENRICHMENT_PAUSED'
  else
    enrichment.paused_at = nil
    redis.call('HDEL', c:enrichment(e), 'paused_at')
    join_ring(c, e, enrichment)
    event = 'ENRICHMENT_RESUMED'
  end
  append_event(c, { t = event, w = workspace_of(e), a = a, e = e, progress = progress_of(enrichment) })
  schedule(c, a)
  return enrichment_view(c, e, enrichment)
end)
