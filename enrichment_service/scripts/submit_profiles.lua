-- submit_profiles: adds profiles to an enrichment. One that is there already stays as it is; one that the cache knows fresh
-- is answered at once; the rest is queued.
-- Keys:   1 the header key.
-- Args:   enrichment, profiles: list (at most 500) of {ids (folded), ask (the id LinkedIn is asked for), reference,
--         fresh_id (a random profile id, used if the person is not known)}.
-- Result: list of {profile, reference, state}, in the same order.
-- Refuses ENRICHMENT_NOT_FOUND, ENRICHMENT_CANCELLED, PROFILE_ID_TAKEN (draw other random ids).
register('submit_profiles', {}, function(c, request)
  local e = request.enrichment
  local ws = workspace_of(e)
  local enrichment = load_enrichment(c, e)
  if enrichment.cancelled then refuse({ reason = 'ENRICHMENT_CANCELLED' }) end
  for _, submission in ipairs(request.profiles) do
    if redis.call('EXISTS', c:profile(ws, submission.fresh_id)) == 1 then refuse({ reason = 'PROFILE_ID_TAKEN' }) end
  end

  begin_writing(c)
  local max_age_ms = num(enrichment.max_age_ms)
  local answers, answered = {}, 0
  for i, submission in ipairs(request.profiles) do
    local p = nil
    for _, id in ipairs(submission.ids) do p = p or redis.call('GET', c:alias(ws, id)) or nil end
    local key = c:profile(ws, p or submission.fresh_id)
    if not p then
      p = submission.fresh_id
      redis.call('HSET', key, 'ask', submission.ask, 'created', int(c.now))
    end
    -- Ids that nobody has yet become names of this person.
    local ids, learnt = cjson.decode(redis.call('HGET', key, 'ids') or '[]'), false
    for _, id in ipairs(submission.ids) do
      if redis.call('SET', c:alias(ws, id), p, 'NX') then ids[#ids + 1], learnt = id, true end
    end
    if learnt then redis.call('HSET', key, 'ids', cjson.encode(ids)) end

    local s = read_state(c, e, p)
    if not s or s.state == 'w' then
      s = s or { attempts = 0, partials = 0, revision = 0, reference = submission.reference }
      s.reference = submission.reference
      redis.call('ZADD', c:buckets(e), 0, string.sub(p, 1, BUCKET))
      if is_fresh(c, load_profile(c, ws, p), max_age_ms) then
        move(c, e, enrichment, p, s, 'c')
        profile_event(c, e, enrichment, p, s, { t = 'PROFILE_CACHED' })
        answered = answered + 1
        let_expire(c, ws, p)
      else
        move(c, e, enrichment, p, s, 'q')
        redis.call('RPUSH', c:queue(e), p)
      end
    end
    answers[i] = { profile = p, reference = s.reference, state = s.state }
  end
  idle_event(c, e, enrichment, answered)
  join_ring(c, e, enrichment)
  schedule(c, enrichment.account)
  return answers
end)
