-- Enrichments, the state of each of their profiles, and the workspace's cache of people.
--
-- enrichment:{ws}/{id}     HASH: account, display_name, max_age_ms, created, paused_at, cancelled, ringed, swept (the last
--                          bucket that sweep_cancelled has done), and the counts total, pending, enriched, cached, partial,
--                          failed, withdrawn, erased; withdrawn and erased ones are not in the total.
-- directory                ZSET of the partition's enrichments, '<ws>/<id>', in lexical order.
-- queue:{enrichment}       LIST of profile ids in the order of submission.
-- states:{enrichment}:{b}  HASH of profile id -> 'state:attempts:partials:revision:reference'; a failed state is followed
--                          by the number of its reason. The bucket b is the first
--                          7 characters of the id, which profiles submitted together share, so that a bucket is a small
--                          listpack. States: q queued, v being viewed, r waiting for a retry, e enriched, c cached,
--                          p partial, f failed, w withdrawn, x erased. In a cancelled enrichment q, v and r mean withdrawn.
-- buckets:{enrichment}     ZSET of its buckets, in lexical order.
-- profile:{ws}/{id}        HASH: ask (the id LinkedIn is asked for), ids (JSON, all known ids), created, data (JSON),
--                          viewed (ms of the last complete view), partial, v:<provider account> (JSON, what only it sees),
--                          was (JSON, ids of the records that were joined to it), waiting (enrichments that wait for it),
--                          viewing ('<account>|<reservation>' of the last view begun; under way while that is open),
--                          e:<enrichment> (ms since when its place there is in its state), e:<enrichment>/<id> (the same of
--                          the place of a record that was joined to it);
--                          of one joined to the older record of the person: ask, created, waiting, merged (id of that one).
-- alias:{ws}/{id}          STRING: the profile that an id belongs to.
-- sweeps                   LIST of cancelled enrichments whose states are still to be swept.
--
-- The id of a person, in aliases and `ids`, is a keyed hash of what LinkedIn calls them (person_keys.py).

local BUCKET = 7
local FRESH_S = 30 * 86400 -- seed: cached for 30 days
local SUFFIX = { q = 'pending', v = 'pending', r = 'pending', e = 'enriched', c = 'cached', p = 'partial', f = 'failed',
  w = 'withdrawn', x = 'erased' }
local FAILURES = { 'NOT_FOUND', 'NOT_ACCESSIBLE', 'ATTEMPTS_EXHAUSTED', 'ERASED' }
local FAILURE_NUMBERS = { NOT_FOUND = 1, NOT_ACCESSIBLE = 2, ATTEMPTS_EXHAUSTED = 3, ERASED = 4 }
local NOT_IN_TOTAL = { withdrawn = true, erased = true }

local function load_enrichment(c, e)
  local enrichment = hgetall(c:enrichment(e))
  if not enrichment.account then refuse({ reason = 'ENRICHMENT_NOT_FOUND' }) end
  return enrichment
end

local function progress_of(enrichment)
  return {
    total = num(enrichment.total), pending = num(enrichment.pending), enriched = num(enrichment.enriched),
    cached = num(enrichment.cached), partial = num(enrichment.partial), failed = num(enrichment.failed),
    withdrawn = num(enrichment.withdrawn), erased = num(enrichment.erased),
  }
end

-- What a caller sees of an enrichment.
local function enrichment_view(c, e, enrichment)
  return { id = e, settings = enrichment, progress = progress_of(enrichment), now = c.now }
end

local function read_state(c, e, p)
  local packed = redis.call('HGET', c:states(e, string.sub(p, 1, BUCKET)), p)
  if not packed then return nil end
  local state, failure, attempts, partials, revision, reference =
    string.match(packed, '^(%a)(%d?):(%d+):(%d+):(%d+):(.*)$')
  return {
    state = state, failure = FAILURES[tonumber(failure)], attempts = tonumber(attempts), partials = tonumber(partials),
    revision = tonumber(revision), reference = reference,
  }
end

local function write_state(c, e, p, s)
  local bucket = string.sub(p, 1, BUCKET)
  redis.call('HSET', c:states(e, bucket), p,
    table.concat({ s.state .. (FAILURE_NUMBERS[s.failure] or ''), s.attempts, s.partials, s.revision, s.reference }, ':'))
end

-- Keeps the record of a person, and every id that leads to it, as long as an enrichment waits for it, and afterwards as
-- long as it can be of use. Called whenever a record has changed, so none is ever without one or the other.
local function set_lifetime(c, ws, p)
  local key = c:profile(ws, p)
  local fields = redis.call('HMGET', key, 'waiting', 'ids')
  -- As long as it is fresh, or an event that names it is in the log, and a week for a late reader.
  local ttl = FRESH_S + math.floor(c.retention_ms / 1000) + 7 * 86400
  local function apply(name)
    if num(fields[1]) > 0 then redis.call('PERSIST', name) else redis.call('EXPIRE', name, ttl) end
  end
  apply(key)
  for _, id in ipairs(fields[2] and cjson.decode(fields[2]) or {}) do apply(c:alias(ws, id)) end
end

-- Counts the enrichments that wait for a person.
local function wait_for(c, ws, p, by)
  local waiting = redis.call('HINCRBY', c:profile(ws, p), 'waiting', by)
  if waiting == 0 or (waiting == 1 and by == 1) then set_lifetime(c, ws, p) end
end

-- The state of a profile as callers see it: what was pending in a cancelled enrichment is withdrawn.
local function shown_state(enrichment, s)
  return enrichment.cancelled and SUFFIX[s.state] == 'pending' and 'w' or s.state
end

-- Where it stands since when a place in an enrichment is in its state: key and field. The record that speaks for the
-- person knows all their places.
local function place_mark(c, e, p)
  local ws, name = string.match(e, '^([^/]+)/(.+)$')
  local head, next_head = p, redis.call('HGET', c:profile(ws, p), 'merged')
  while next_head do
    head, next_head = next_head, redis.call('HGET', c:profile(ws, next_head), 'merged')
  end
  if head ~= p and redis.call('EXISTS', c:profile(ws, head)) == 1 then
    return c:profile(ws, head), 'e:' .. name .. '/' .. p
  end
  return c:profile(ws, p), 'e:' .. name
end

-- Moves a profile to another state and the enrichment's counts with it. A record that some enrichment waits for is kept
-- however long that takes.
local function move(c, e, enrichment, p, s, state)
  local from, to = SUFFIX[shown_state(enrichment, s)], SUFFIX[state]
  local ws = workspace_of(e)
  s.state = state
  if state ~= 'f' then s.failure = nil end
  write_state(c, e, p, s)
  -- Of an erased person there is no record any more.
  if to ~= 'erased' then
    local key, field = place_mark(c, e, p)
    redis.call('HSET', key, field, int(c.now))
  end
  if from == to then return end
  local function count(field, by)
    enrichment[field] = num(enrichment[field]) + by
    redis.call('HINCRBY', c:enrichment(e), field, by)
  end
  if from then count(from, -1) end
  count(to, 1)
  local was_in, is_in = from ~= nil and not NOT_IN_TOTAL[from], not NOT_IN_TOTAL[to]
  if is_in ~= was_in then count('total', is_in and 1 or -1) end
  if to == 'erased' then return end
  if to == 'pending' then
    wait_for(c, ws, p, 1)
  elseif from == 'pending' then
    wait_for(c, ws, p, -1)
  else
    set_lifetime(c, ws, p)
  end
end

-- Appends the event of a profile, and the enrichment's own once nothing is pending in it any more.
local function profile_event(c, e, enrichment, p, s, event)
  s.revision = s.revision + 1
  write_state(c, e, p, s)
  event.w, event.a, event.e, event.p = workspace_of(e), enrichment.account, e, p
  event.r, event.v, event.progress = s.reference, s.revision, progress_of(enrichment)
  append_event(c, event)
end

local function idle_event(c, e, enrichment, pending_before)
  if pending_before > 0 and num(enrichment.pending) == 0 then
    append_event(c, {
      t = 'ENRICHMENT_IDLE', w = workspace_of(e), a = enrichment.account, e = e, progress = progress_of(enrichment),
    })
  end
end

-- Puts an enrichment into its account's ring, once.
local function join_ring(c, e, enrichment)
  if enrichment.ringed or enrichment.paused_at or enrichment.cancelled then return end
  if redis.call('EXISTS', c:queue(e)) == 0 then return end
  enrichment.ringed = '1'
  redis.call('HSET', c:enrichment(e), 'ringed', '1')
  redis.call('RPUSH', c:ring(enrichment.account), e)
end

-- The record that speaks for a person, and its id. Records are joined to older ones only, so this comes to an end.
local function load_profile(c, ws, p)
  local record = hgetall(c:profile(ws, p))
  while record.merged do
    p = record.merged
    record = hgetall(c:profile(ws, p))
  end
  return record, p
end

-- Where a record keeps what only one account sees; false for an account that is not there. Named by the provider account,
-- since an account's own name may be given to another one.
local function viewer_field(c, a)
  local provider = redis.call('HGET', c:account(a), 'provider')
  return provider and 'v:' .. provider
end

-- True when the cache knows the person well enough not to view them.
local function is_fresh(c, record, max_age_ms)
  return record.viewed ~= nil and c.now - num(record.viewed) < max_age_ms
end

-- Returns a function that says what the cache knows of a person as an account may see it, for whoever reads about many;
-- the id is that of the older record where two turned out to be one person.
local function joining(c)
  local viewers = {}
  return function(ws, p, account)
    if viewers[account] == nil then viewers[account] = viewer_field(c, account) end
    -- A field that is never there stands for an account that is gone.
    local viewer, fields = viewers[account] or 'v:', nil
    repeat
      fields = redis.call('HMGET', c:profile(ws, p), 'merged', 'data', viewer, 'viewed', 'partial')
      p = fields[1] or p
    until not fields[1]
    return {
      id = p, data = fields[2] or nil, viewer = fields[3] or nil, viewed = fields[4] or nil, partial = fields[5] or nil,
    }
  end
end
