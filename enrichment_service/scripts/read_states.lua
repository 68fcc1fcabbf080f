-- read_states: reads the states of profiles in the order of their keys: by enrichment, and in it by profile id.
-- Keys:   1 the header key.
-- Args:   enrichment, profile (the place to go on behind; both '' at the beginning), limit (of states; a bucket is read to
--         its end), join (boolean), workspaces? (in order), accounts?, enrichments? (lists of names; without one all are
--         wanted).
-- Result: {states: [[entry, profile, since?, record?]], enrichment, profile (the place reached), ends (boolean: nothing is
--         behind it), trimmed (newest id of the log that is gone), now}; an entry has the fields of the log's, `since` is
--         when the profile came into its state (ms), a record is as in read_events.
local SCANNED = 1000 -- enrichments that one call passes over at most
local DONE = '~' -- comes after every profile id
local TYPES = {
  e = 'PROFILE_ENRICHED', c = 'PROFILE_CACHED', p = 'PROFILE_PARTIAL', f = 'PROFILE_FAILED', w = 'PROFILE_WITHDRAWN',
  x = 'PROFILE_ERASED',
}

local function set_of(names)
  if not names then return nil end
  local set = {}
  for _, name in ipairs(names) do set[name] = true end
  return set
end

-- The event that would tell of this state.
local function entry_of(e, p, enrichment, s)
  local state = shown_state(enrichment, s)
  return {
    t = TYPES[state] or s.partials > 0 and 'PROFILE_PARTIAL' or 'PROFILE_PENDING', w = workspace_of(e),
    a = enrichment.account, e = e, p = p, r = s.reference, v = s.revision, f = s.failure, x = state == 'p' or nil,
  }
end

-- The enrichment that follows another one ('' at the beginning), of these workspaces or of all.
local function next_enrichment(c, e, workspaces)
  if not workspaces then
    return redis.call('ZRANGEBYLEX', c:directory(), e == '' and '-' or '(' .. e, '+', 'LIMIT', 0, 1)[1]
  end
  local reached, name = string.match(e, '^([^/]*)/?(.*)$')
  for _, ws in ipairs(workspaces) do
    if ws >= reached then
      local from = ws == reached and '(' .. name or '-'
      local following = redis.call('ZRANGEBYLEX', c:enrichments(ws), from, '+', 'LIMIT', 0, 1)[1]
      if following then return ws .. '/' .. following end
    end
  end
  return nil
end

-- Reads on in one enrichment behind a profile. Returns the profile reached.
local function read_enrichment(c, e, p, request, states, join)
  local enrichment = hgetall(c:enrichment(e))
  local from = p == '' and '-' or '[' .. string.sub(p, 1, BUCKET)
  while #states < request.limit do
    local bucket = redis.call('ZRANGEBYLEX', c:buckets(e), from, '+', 'LIMIT', 0, 1)[1]
    if not bucket then return DONE end
    local ids = {}
    for _, id in ipairs(redis.call('HKEYS', c:states(e, bucket))) do
      if id > p then ids[#ids + 1] = id end
    end
    table.sort(ids)
    for _, id in ipairs(ids) do
      local entry = entry_of(e, id, enrichment, read_state(c, e, id))
      states[#states + 1] = {
        entry, id, redis.call('HGET', place_mark(c, e, id)),
        join and join(entry.w, id, entry.a) or nil,
      }
      p = id
    end
    from = '(' .. bucket
  end
  return p
end

register('read_states', { 'no-writes' }, function(c, request)
  local e, p, states, scanned, ends = request.enrichment, request.profile, {}, 0, false
  local join = request.join and joining(c)
  local accounts, enrichments = set_of(request.accounts), set_of(request.enrichments)
  local function is_wanted(name)
    return (not enrichments or enrichments[name])
      and (not accounts or accounts[redis.call('HGET', c:enrichment(name), 'account')])
  end
  while not ends and #states < request.limit and scanned < SCANNED do
    if e ~= '' and p ~= DONE then
      p = read_enrichment(c, e, p, request, states, join)
    else
      local following = next_enrichment(c, e, request.workspaces)
      if following then
        e, p, scanned = following, is_wanted(following) and '' or DONE, scanned + 1
      else
        ends = true
      end
    end
  end
  return {
    states = states, enrichment = e, profile = p, ends = ends,
    trimmed = redis.call('HGET', c:header(), 'trimmed') or '0-0', now = c.now,
  }
end)
