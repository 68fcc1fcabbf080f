-- cancel_enrichment: withdraws everything that is pending in an enrichment, for good. Repeating it changes nothing.
-- Keys:   1 the header key.
-- Args:   enrichment.
-- Result: {id, settings, progress, now}. Refuses ENRICHMENT_NOT_FOUND.
--
-- Costs the same for any size: the counts are corrected at once, and from here on whoever reads the state of a pending
-- profile takes it as withdrawn (shown_state). sweep_cancelled writes that down later, a bucket at a time.
register('cancel_enrichment', {}, function(c, request)
  local e = request.enrichment
  local enrichment = load_enrichment(c, e)
  if enrichment.cancelled then return enrichment_view(c, e, enrichment) end

  begin_writing(c)
  local a, pending = enrichment.account, num(enrichment.pending)
  redis.call('HSET', c:enrichment(e), 'cancelled', int(c.now), 'pending', 0, 'total', num(enrichment.total) - pending,
    'withdrawn', num(enrichment.withdrawn) + pending)
  redis.call('HDEL', c:enrichment(e), 'ringed', 'paused_at')
  redis.call('UNLINK', c:queue(e))
  redis.call('LREM', c:ring(a), 0, e)
  redis.call('RPUSH', c:sweeps(), e)
  redis.call('HINCRBY', c:account(a), 'enrichments', -1)
  enrichment = hgetall(c:enrichment(e))
  append_event(c, {
    t = 'ENRICHMENT_CANCELLED', w = workspace_of(e), a = a, e = e, progress = progress_of(enrichment),
  })
  schedule(c, a)
  return enrichment_view(c, e, enrichment)
end)
