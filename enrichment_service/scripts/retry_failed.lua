-- retry_failed: queues again what failed in the next buckets of an enrichment, with the attempts reset. Called until the
-- answer has no `after`; a call that is repeated finds nothing more to do.
-- Keys:   1 the header key.
-- Args:   enrichment, after ('' at first, then what the answer before said).
-- Result: {queued (profiles that were queued again), after? (there is more)}.
-- Refuses ENRICHMENT_NOT_FOUND, ENRICHMENT_CANCELLED.
local PROFILES = 200

register('retry_failed', {}, function(c, request)
  local e = request.enrichment
  local ws, enrichment = workspace_of(e), load_enrichment(c, e)
  if enrichment.cancelled then refuse({ reason = 'ENRICHMENT_CANCELLED' }) end
  local queued, seen, bucket = 0, 0, request.after

  begin_writing(c)
  while bucket and seen < PROFILES and num(enrichment.failed) > 0 do
    local from = bucket == '' and '-' or '(' .. bucket
    bucket = redis.call('ZRANGEBYLEX', c:buckets(e), from, '+', 'LIMIT', 0, 1)[1]
    local ids = bucket and redis.call('HKEYS', c:states(e, bucket)) or {}
    table.sort(ids)
    for _, p in ipairs(ids) do
      seen = seen + 1
      local s = read_state(c, e, p)
      -- Once the record is forgotten, nobody knows whom to ask for.
      if s.state == 'f' and redis.call('HEXISTS', c:profile(ws, p), 'ask') == 1 then
        s.attempts, s.partials = 0, 0
        move(c, e, enrichment, p, s, 'q')
        profile_event(c, e, enrichment, p, s, { t = 'PROFILE_PENDING' })
        redis.call('RPUSH', c:queue(e), p)
        queued = queued + 1
      end
    end
  end
  join_ring(c, e, enrichment)
  schedule(c, enrichment.account)
  return { queued = queued, after = num(enrichment.failed) > 0 and bucket or nil }
end)
