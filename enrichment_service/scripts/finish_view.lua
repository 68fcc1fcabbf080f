-- finish_view: writes down what became of a view: settles the permit, keeps what came in the cache, moves the profile and
-- appends the event.
-- Keys:   1 the header key.
-- Args:   account, token, enrichment, profile, reservation, charged (boolean), counts_as_error (boolean),
--         outcome: ENRICHED | PARTIAL | FAILED (failure) | RETRY (retry_in_ms? none: give up, 0: at once; `free`: not an
--         attempt), person? {data (fields that every viewer sees), ids (keyed hashes of all that the view revealed),
--         provider_id, ask (the id that was asked for), viewer {what only this account sees}, new_profile (a random id, if
--         the vanity has moved to another member)},
--         pause? {reason, for_ms? (none: waits for a person), until_midnight?}.
-- Result: {stop: boolean (the account has paused)} or {stale: true}: the lease was lost; permit and cache were settled, the
--         rest is left to whoever has the account now.
--
-- A view that reveals an id of somebody erased leaves nothing in the cache and makes the place that of an erased person;
-- every other id that it revealed is erased with them.

-- True when a record is of somebody else than the view showed: a vanity moves to another member, ids do not.
local function is_of_another(record, person)
  local known = record.data and cjson.decode(record.data) or {}
  if not known.provider_id or known.provider_id == person.provider_id then return false end
  return not (known.member_id and known.member_id == person.data.member_id)
end

-- Takes an id from the record of somebody who has it no longer, and asks for them by what stays theirs from now on.
local function take_id(c, ws, p, record, id)
  local left = {}
  for _, own in ipairs(cjson.decode(record.ids or '[]')) do
    if own ~= id then left[#left + 1] = own end
  end
  record.ids = #left > 0 and cjson.encode(left) or '[]'
  redis.call('HSET', c:profile(ws, p), 'ids', record.ids, 'ask', cjson.decode(record.data).provider_id)
end

-- The records that turn out to be of one person, by id: `own` and whatever the revealed ids lead to.
local function records_of(c, ws, own, own_record, person)
  local group = { [own] = own_record }
  for _, id in ipairs(person.ids) do
    local p = redis.call('GET', c:alias(ws, id))
    local record = nil
    if p then record, p = load_profile(c, ws, p) end
    if record and record.created and is_of_another(record, person) then
      take_id(c, ws, p, record, id)
    elseif record and record.created then
      group[p] = group[p] or record
    end
  end
  return group
end

-- The oldest record of a group speaks for the person.
local function head_of(group)
  local head, since = nil, nil
  for p, record in pairs(group) do
    local created = num(record.created)
    if not head or created < since or (created == since and p < head) then head, since = p, created end
  end
  return head
end

-- What is known of the person: a partial answer never overwrites better data with nothing.
local function known_data(group, person, complete)
  if complete then return person.data, nil end
  local data, viewed = {}, -1
  for _, record in pairs(group) do
    if record.data and num(record.viewed) > viewed then
      data, viewed = cjson.decode(record.data), num(record.viewed)
    end
  end
  for field, value in pairs(person.data) do data[field] = value end
  return data, viewed > 0 and int(viewed) or nil
end

-- Gives the head every id of the group and what accounts saw of the person; the others only lead to it from now on.
local function join(c, ws, head, group, person)
  local key = c:profile(ws, head)
  local ids, was, seen = {}, {}, {}
  local function learn(id)
    if seen[id] then return end
    ids[#ids + 1], seen[id] = id, true
    redis.call('SET', c:alias(ws, id), head)
  end
  for p, record in pairs(group) do
    for _, id in ipairs(cjson.decode(record.ids or '[]')) do learn(id) end
    for _, id in ipairs(cjson.decode(record.was or '[]')) do was[#was + 1] = id end
    if p ~= head then
      was[#was + 1] = p
      for field, value in pairs(record) do
        if string.sub(field, 1, 2) == 'v:' then redis.call('HSETNX', key, field, value) end
        local place = string.match(field, '^e:(.+)$')
        if place then
          redis.call('HSET', key, 'e:' .. (string.find(place, '/', 1, true) and place or place .. '/' .. p), value)
        end
      end
      redis.call('DEL', c:profile(ws, p))
      redis.call('HSET', c:profile(ws, p), 'merged', head, 'ask', record.ask, 'created', record.created,
        'waiting', num(record.waiting))
    end
  end
  for _, id in ipairs(person.ids) do learn(id) end
  redis.call('HSET', key, 'ids', cjson.encode(ids))
  if #was > 0 then redis.call('HSET', key, 'was', cjson.encode(was)) end
end

-- Writes what a view showed. Returns the profile that it is about: another one if the vanity has moved.
local function write_person(c, ws, p, account, person, complete)
  local own_record, own = load_profile(c, ws, p)
  if is_of_another(own_record, person) then
    p, own, own_record = person.new_profile, person.new_profile, {}
  end
  own_record.ask, own_record.created = own_record.ask or person.ask, own_record.created or int(c.now)
  redis.call('HSET', c:profile(ws, own), 'ask', own_record.ask, 'created', own_record.created)

  local group = records_of(c, ws, own, own_record, person)
  local head = head_of(group)
  local key = c:profile(ws, head)
  local data, viewed = known_data(group, person, complete)
  join(c, ws, head, group, person)
  redis.call('HSET', key, 'data', cjson.encode(data))
  local viewer = viewer_field(c, account)
  -- Nobody may see what an account saw that has been deleted since.
  if viewer then redis.call('HSET', key, viewer, cjson.encode(person.viewer)) end
  if complete then viewed = int(c.now) end
  if viewed then
    redis.call('HSET', key, 'viewed', viewed)
    redis.call('HDEL', key, 'partial')
  else
    redis.call('HSET', key, 'partial', '1')
  end
  for member in pairs(group) do set_lifetime(c, ws, member) end
  return p
end

-- Erases whoever the view showed: `name` stands for them. Returns the profile that it is about, as write_person does.
local function erase_shown(c, ws, p, person, name)
  local own_record, own = load_profile(c, ws, p)
  local heads = {}
  if is_of_another(own_record, person) then
    p = person.new_profile
  elseif own_record.created then
    heads[own] = true
  end
  for head in pairs(records_of(c, ws, own, {}, person)) do
    if head ~= own then heads[head] = true end
  end
  erase_people(c, ws, heads, person.ids, name)
  return p
end

register('finish_view', {}, function(c, request)
  local a, e, p = request.account, request.enrichment, request.profile
  local ws = workspace_of(e)
  local account = hgetall(c:account(a))
  begin_writing(c)

  local reservation = hgetall(c:reservation(a, request.reservation))
  if reservation.state == 'open' then
    -- What has expired is charged, whatever became of it.
    local used = (request.charged or is_overdue(c, a, request.reservation)) and num(reservation.count) or 0
    close_reservation(c, a, request.reservation, reservation, used, 'committed')
    -- Nobody asks for the engine's own permits again.
    redis.call('DEL', c:reservation(a, request.reservation))
  end
  local viewed, erased = p, request.person and tombstone_of(c, ws, request.person.ids)
  if erased then
    viewed = erase_shown(c, ws, p, request.person, erased)
  elseif request.person then
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
  if s and s.state == 'v' and not enrichment.cancelled then
    local pending_before = num(enrichment.pending)
    if viewed ~= p then
      -- Whom the vanity belongs to now comes in the place of its former owner. The revision goes on, for those who follow
      -- by the reference.
      move(c, e, enrichment, p, s, 'w')
      profile_event(c, e, enrichment, p, s, { t = 'PROFILE_WITHDRAWN' })
      s.state, s.attempts, s.partials = nil, 1, 0
      redis.call('ZADD', c:buckets(e), 0, string.sub(viewed, 1, BUCKET))
      p = viewed
    end
    local event = { budget = budget_summary(read_budget(c, a, account)) }
    if erased then
      move(c, e, enrichment, p, s, 'x')
      event.t = 'PROFILE_ERASED'
    elseif request.outcome == 'ENRICHED' then
      move(c, e, enrichment, p, s, 'e')
      event.t = 'PROFILE_ENRICHED'
    elseif request.outcome == 'FAILED' or not request.retry_in_ms then
      if request.outcome == 'PARTIAL' then
        s.partials = s.partials + 1
        move(c, e, enrichment, p, s, 'p')
        event.t, event.x = 'PROFILE_PARTIAL', true
      else
        s.failure = request.failure
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

  if request.counts_as_error then
    if count_error(c, a, account) then
      redis.call('HSET', c:account(a), 'probing', '1')
      pause_account(c, a, account, 'CIRCUIT_OPEN', nil)
    end
  elseif account.probing and request.outcome ~= 'RETRY' then
    redis.call('HDEL', c:account(a), 'probing')
  end
  local pause = request.pause
  if pause then
    local until_ms = pause.for_ms and c.now + pause.for_ms or nil
    if pause.until_midnight then until_ms = resumption(c, request) end
    pause_account(c, a, account, pause.reason, until_ms)
  end
  return { stop = account.pause_reason ~= nil }
end)
