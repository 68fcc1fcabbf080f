-- finish_view: writes down what became of a view: settles the permit, keeps what came in the cache, moves the profile and
-- appends the event.
-- Keys:   1 the header key.
-- Args:   account, token, enrichment, profile, reservation, charged (boolean), counts_as_error (boolean),
--         outcome: ENRICHED | PARTIAL | FAILED (failure) | RETRY (retry_in_ms? none: give up, 0: at once; `free`: not an attempt),
--         person? {data (fields that every viewer sees), ids (folded, all that the view revealed), provider_id?,
--         viewer {what only this account sees}}, new_profile (a random id, if the vanity has moved to another member),
--         pause? {reason, for_ms? (none: waits for a person), until_midnight?}.
-- Result: {stop: boolean (the account has paused)} or {stale: true}: the lease was lost; permit and cache were settled, the
--         rest is left to whoever has the account now.

-- Joins the records of one person: the older one speaks for both.
local function join_records(c, ws, p, person)
  local canonical, created = p, num(redis.call('HGET', c:profile(ws, p), 'created'))
  local others = {}
  for _, id in ipairs(person.ids) do
    local other = redis.call('GET', c:alias(ws, id))
    local merged = other and redis.call('HGET', c:profile(ws, other), 'merged')
    other = merged or other
    -- A vanity alone does not make two records one person: its last owner may have given it up.
    local known = other and id == person.vanity and redis.call('HGET', c:profile(ws, other), 'data')
    local given_up = known and cjson.decode(known).provider_id ~= person.provider_id
    if other and other ~= p and not others[other] and not given_up then
      others[other] = true
      local since = num(redis.call('HGET', c:profile(ws, other), 'created'))
      if since < created or (since == created and other < canonical) then canonical, created = other, since end
    end
  end
  if canonical ~= p then others[p] = true end
  others[canonical] = nil
  return canonical, others
end

local function write_person(c, ws, p, account, person, complete)
  local record = hgetall(c:profile(ws, p))
  local known = record.data and cjson.decode(record.data) or nil
  if known and person.provider_id and known.provider_id and known.provider_id ~= person.provider_id then
    -- The vanity belongs to another member now: a new person takes it, the old record stays what it was.
    p, known, record = person.new_profile, nil, {}
    redis.call('HSET', c:profile(ws, p), 'ask', person.ask, 'created', int(c.now))
  end
  local canonical, others = join_records(c, ws, p, person)
  local key = c:profile(ws, canonical)
  if canonical ~= p then
    local older = redis.call('HGET', key, 'data')
    known = older and cjson.decode(older) or known
  end
  local data = known or {}
  -- A partial answer never overwrites better data with nothing.
  for field, value in pairs(person.data) do data[field] = value end
  local ids, seen = cjson.decode(redis.call('HGET', key, 'ids') or '[]'), {}
  local function learn(id)
    redis.call('SET', c:alias(ws, id), canonical)
    if not seen[id] then ids[#ids + 1], seen[id] = id, true end
  end
  for _, id in ipairs(ids) do seen[id] = true end
  for other in pairs(others) do
    for _, id in ipairs(cjson.decode(redis.call('HGET', c:profile(ws, other), 'ids') or '[]')) do learn(id) end
    redis.call('HSET', c:profile(ws, other), 'merged', canonical)
  end
  for _, id in ipairs(person.ids) do learn(id) end
  redis.call('HSET', key, 'data', cjson.encode(data), 'ids', cjson.encode(ids),
    'v:' .. account, cjson.encode(person.viewer))
  if complete then
    redis.call('HSET', key, 'viewed', int(c.now))
    redis.call('HDEL', key, 'partial')
  elseif not redis.call('HGET', key, 'viewed') then
    redis.call('HSET', key, 'partial', '1')
  end
  if num(redis.call('HGET', key, 'waiting')) == 0 then let_expire(c, ws, canonical) else keep(c, ws, canonical) end
  return p
end

register('finish_view', {}, function(c, request)
  local a, e, p = request.account, request.enrichment, request.profile
  local ws = workspace_of(e)
  local account = hgetall(c:account(a))
  begin_writing(c)

  local reservation = hgetall(c:reservation(a, request.reservation))
  if reservation.state == 'open' then
    local used = request.charged and num(reservation.count) or 0
    close_reservation(c, a, request.reservation, reservation, used, request.charged and 'committed' or 'released')
    -- Nobody asks for the engine's own permits again.
    redis.call('DEL', c:reservation(a, request.reservation))
  end
  local viewed = p
  if request.person then
    viewed = write_person(c, ws, p, a, request.person, request.outcome == 'ENRICHED')
  end
  if not holds_lease(c, a, account, request.token) then return { stale = true } end
  account = hgetall(c:account(a))
  -- A repeat, after the answer to the first call was lost, finds it done.
  if account.in_flight ~= table.concat({ e, p, request.reservation }, '|') then
    return { stop = account.pause_reason ~= nil }
  end
  redis.call('HDEL', c:account(a), 'in_flight')

  local enrichment, s = hgetall(c:enrichment(e)), read_state(c, e, p)
  if s and s.state == 'v' then
    local pending_before = num(enrichment.pending)
    if viewed ~= p then
      -- The place in the enrichment goes to whom the vanity belongs to now.
      redis.call('HDEL', c:states(e, string.sub(p, 1, BUCKET)), p)
      if redis.call('HINCRBY', c:profile(ws, p), 'waiting', -1) == 0 then let_expire(c, ws, p) end
      redis.call('HINCRBY', c:profile(ws, viewed), 'waiting', 1)
      redis.call('ZADD', c:buckets(e), 0, string.sub(viewed, 1, BUCKET))
      p = viewed
    end
    local event = { budget = budget_summary(read_budget(c, a, account)) }
    if request.outcome == 'ENRICHED' then
      move(c, e, enrichment, p, s, 'e')
      event.t = 'PROFILE_ENRICHED'
    elseif request.outcome == 'FAILED' or not request.retry_in_ms then
      if request.outcome == 'PARTIAL' then
        s.partials = s.partials + 1
        move(c, e, enrichment, p, s, 'p')
        event.t, event.x = 'PROFILE_PARTIAL', true
      else
        move(c, e, enrichment, p, s, 'f')
        event.t, event.f = 'PROFILE_FAILED', request.failure
      end
    else
      if request.outcome == 'PARTIAL' then
        s.partials = s.partials + 1
        event.t = 'PROFILE_PARTIAL'
      end
      if request.free then s.attempts = s.attempts - 1 end
      if request.retry_in_ms == 0 then
        move(c, e, enrichment, p, s, 'q')
        redis.call('LPUSH', c:queue(e), p)
        join_ring(c, e, enrichment)
      else
        move(c, e, enrichment, p, s, 'r')
        redis.call('ZADD', c:retries(a), int(c.now + request.retry_in_ms), e .. '|' .. p)
      end
    end
    if event.t then profile_event(c, e, enrichment, p, s, event) end
    idle_event(c, e, enrichment, pending_before)
  end

  if request.outcome == 'ENRICHED' and account.probing then
    redis.call('HDEL', c:account(a), 'probing')
    account.probing = nil
  end
  if request.counts_as_error and count_error(c, a, account) then
    redis.call('HDEL', c:account(a), 'probing')
    pause_account(c, a, account, 'CIRCUIT_OPEN', nil)
  end
  local pause = request.pause
  if pause then
    local until_ms = pause.for_ms and c.now + pause.for_ms or nil
    if pause.until_midnight then until_ms = resumption(c, request) end
    pause_account(c, a, account, pause.reason, until_ms)
  end
  return { stop = account.pause_reason ~= nil }
end)
