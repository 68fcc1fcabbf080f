-- submit_profiles: adds profiles to an enrichment. One that is there already stays as it is; one that the cache knows fresh
-- is answered at once; one who has been erased is not looked for; the rest is queued.
-- Keys:   1 the header key.
-- Args:   enrichment, profiles: list (at most 500) of {ids (keyed hashes), ask (the id LinkedIn is asked for), reference,
--         fresh_id (a random profile id, used if the person is not known)}.
-- Result: list of {profile, reference, state}, in the same order.
-- Refuses ENRICHMENT_NOT_FOUND, ENRICHMENT_CANCELLED, PROFILE_ID_TAKEN (draw other random ids).

-- The record that a person's ids lead to: a fresh one if there is any, otherwise the first.
local function find_record(c, ws, ids, max_age_ms)
  local found, found_record = nil, nil
  for _, id in ipairs(ids) do
    local p = redis.call('GET', c:alias(ws, id))
    if p then
      local record = nil
      record, p = load_profile(c, ws, p)
      if is_fresh(c, record, max_age_ms) then return p, record end
      if not found then found, found_record = p, record end
    end
  end
  return found, found_record
end

-- The place that a person has in the enrichment already, perhaps under a record that was joined to another since.
local function find_place(c, e, p, record)
  local place, s = p, read_state(c, e, p)
  for _, joined in ipairs(cjson.decode(record.was or '[]')) do
    if s and s.state ~= 'w' then break end
    local other = read_state(c, e, joined)
    if other then place, s = joined, other end
  end
  return place, s
end

-- Ids that nobody has yet become names of this person.
local function learn_ids(c, ws, p, submission)
  local key = c:profile(ws, p)
  local ids, learnt = cjson.decode(redis.call('HGET', key, 'ids') or '[]'), false
  for _, id in ipairs(submission.ids) do
    if redis.call('SET', c:alias(ws, id), p, 'NX') then ids[#ids + 1], learnt = id, true end
  end
  if learnt then redis.call('HSET', key, 'ids', cjson.encode(ids)) end
end

-- The place of a person, and what the cache said if it was asked now: hit or miss.
local function submit_person(c, e, enrichment, submission)
  local ws, max_age_ms = workspace_of(e), num(enrichment.max_age_ms)
  local p, record = find_record(c, ws, submission.ids, max_age_ms)
  p, record = p or submission.fresh_id, record or {}
  redis.call('HSETNX', c:profile(ws, p), 'created', int(c.now))
  redis.call('HSETNX', c:profile(ws, p), 'ask', submission.ask)
  learn_ids(c, ws, p, submission)

  local place, s = find_place(c, e, p, record)
  local lookup = nil
  if not s or s.state == 'w' then
    local again = s ~= nil
    s = { state = s and s.state, attempts = 0, partials = 0, revision = s and s.revision or 0 }
    s.reference = submission.reference
    redis.call('ZADD', c:buckets(e), 0, string.sub(place, 1, BUCKET))
    if is_fresh(c, record, max_age_ms) then
      move(c, e, enrichment, place, s, 'c')
      profile_event(c, e, enrichment, place, s, { t = 'PROFILE_CACHED' })
      lookup = 'hit'
    else
      redis.call('HSET', c:profile(ws, place), 'ask', submission.ask)
      move(c, e, enrichment, place, s, 'q')
      -- The log told that it was withdrawn, and of a first submission it tells nothing.
      if again then profile_event(c, e, enrichment, place, s, { t = 'PROFILE_PENDING' }) end
      redis.call('RPUSH', c:queue(e), place)
      lookup = 'miss'
    end
  end
  set_lifetime(c, ws, p)
  return place, s, lookup
end

-- The place of an erased person: known by the profile `p` that stands for them, never queued. Says so once.
local function submit_erased(c, e, enrichment, submission, p)
  local s = read_state(c, e, p)
  if not s then
    s = { attempts = 0, partials = 0, revision = 0, reference = submission.reference }
    redis.call('ZADD', c:buckets(e), 0, string.sub(p, 1, BUCKET))
    move(c, e, enrichment, p, s, 'x')
    profile_event(c, e, enrichment, p, s, { t = 'PROFILE_ERASED' })
  end
  return p, s, nil
end

register('submit_profiles', {}, function(c, request)
  local e = request.enrichment
  local ws = workspace_of(e)
  local enrichment = load_enrichment(c, e)
  if enrichment.cancelled then refuse({ reason = 'ENRICHMENT_CANCELLED' }) end
  for _, submission in ipairs(request.profiles) do
    if redis.call('EXISTS', c:profile(ws, submission.fresh_id)) == 1 then refuse({ reason = 'PROFILE_ID_TAKEN' }) end
  end

  begin_writing(c)
  local answers, lookups = {}, { hit = 0, miss = 0 }
  for i, submission in ipairs(request.profiles) do
    local erased = tombstone_of(c, ws, submission.ids)
    local submit = erased and submit_erased or submit_person
    local place, s, lookup = submit(c, e, enrichment, submission, erased)
    if lookup then lookups[lookup] = lookups[lookup] + 1 end
    answers[i] = { profile = place, reference = s.reference, state = s.state }
  end
  for lookup, count in pairs(lookups) do tally(c, 'cache:' .. lookup, count) end
  idle_event(c, e, enrichment, lookups.hit)
  join_ring(c, e, enrichment)
  schedule(c, enrichment.account)
  return answers
end)
