-- begin_view: picks the next profile of an account's enrichments, in turn, and asks for the permit to view it. Profiles that
-- the cache has come to know meanwhile are answered from it on the way.
-- Keys:   1 the header key.
-- Args:   account, token, reservation (id for the permit), permit_ms (real time until the permit expires: longer than the
--         HTTP deadline), deadline_ms (longest time that the view may take),
--         spread_ms (how long after 00:00 UTC the account resumes).
-- Result: {view: {enrichment, profile, ask, known? (the provider id that the cache knows), provider, attempts, partials,
--         use_within_ms (send the request within so much real time, or not at all)}} or {stop: NO_WORK, DAILY_CAP_REACHED,
--         MIDNIGHT, TICK_DONE (the tick's 15 views are made) or PAUSED} or {again: true} (much was passed over; call again).
-- Refuses LEASE_LOST.
--
-- A repeat with the same reservation, after its answer was lost, gets the same view. Another view under way is given up:
-- one at a time.
local STEPS = 100

local function view_of(c, e, p, s, account, request)
  local data = load_profile(c, workspace_of(e), p).data
  return {
    view = {
      known = data and cjson.decode(data).provider_id,
      enrichment = e, profile = p, ask = redis.call('HGET', c:profile(workspace_of(e), p), 'ask'),
      provider = account.provider, attempts = s.attempts, partials = s.partials,
      use_within_ms = midnight(c) - request.deadline_ms - c.now,
    },
  }
end

-- The view that this very call has begun before.
local function begun_before(c, a, account, request)
  local e, p, id = string.match(account.in_flight, '^([^|]*)|([^|]*)|(.*)$')
  local s = read_state(c, e, p)
  if id == request.reservation and s and s.state == 'v' and not is_overdue(c, a, id) then
    return view_of(c, e, p, s, account, request)
  end
  return nil
end

-- True while another account of the workspace has a view of the person under way: what it brings will be in the cache. The
-- mark needs no clearing, since it holds only as long as its permit is open.
local function is_being_viewed(c, e, p)
  local record = load_profile(c, workspace_of(e), p)
  local by, id = string.match(record.viewing or '', '^(.*)|(.*)$')
  return by and redis.call('HGET', c:reservation(by, id), 'state') == 'open' and not is_overdue(c, by, id)
end

register('begin_view', {}, function(c, request)
  local a = request.account
  local account = hgetall(c:account(a))
  if not holds_lease(c, a, account, request.token) then refuse({ reason = 'LEASE_LOST' }) end
  begin_writing(c)
  if account.in_flight then
    local begun = begun_before(c, a, account, request)
    if begun then return begun end
    abandon_view(c, a, account)
    account = hgetall(c:account(a))
  end
  if account.pause_reason then return { stop = 'PAUSED' } end

  for _ = 1, STEPS do
    local e = redis.call('LINDEX', c:ring(a), 0)
    if not e then return { stop = 'NO_WORK' } end
    local p = redis.call('LINDEX', c:queue(e), 0)
    local enrichment = hgetall(c:enrichment(e))
    local s = p and read_state(c, e, p)
    if not p then
      redis.call('LPOP', c:ring(a))
      redis.call('HDEL', c:enrichment(e), 'ringed')
    elseif s == nil or s.state ~= 'q' then
      redis.call('LPOP', c:queue(e))
    elseif is_fresh(c, load_profile(c, workspace_of(e), p), num(enrichment.max_age_ms)) then
      local pending_before = num(enrichment.pending)
      redis.call('LPOP', c:queue(e))
      move(c, e, enrichment, p, s, 'c')
      profile_event(c, e, enrichment, p, s, { t = 'PROFILE_CACHED' })
      idle_event(c, e, enrichment, pending_before)
      tally(c, 'cache:late_hit', 1)
    elseif is_being_viewed(c, e, p) then
      redis.call('LPOP', c:queue(e))
      move(c, e, enrichment, p, s, 'r')
      redis.call('ZADD', c:retries(a), int(c.now + TICK_MS), e .. '|' .. p)
    elseif num(account.tick_views) >= TICK_VIEWS then
      return { stop = 'TICK_DONE' }
    elseif c.now + request.deadline_ms >= midnight(c) then
      return { stop = 'MIDNIGHT' }
    elseif read_budget(c, a, account).for_enrichment < 1 then
      pause_account(c, a, account, 'DAILY_CAP_REACHED', resumption(c, request))
      return { stop = 'DAILY_CAP_REACHED' }
    else
      redis.call('LPOP', c:queue(e))
      redis.call('LPOP', c:ring(a))
      if redis.call('EXISTS', c:queue(e)) == 1 then
        redis.call('RPUSH', c:ring(a), e)
      else
        redis.call('HDEL', c:enrichment(e), 'ringed')
      end
      s.attempts = s.attempts + 1
      move(c, e, enrichment, p, s, 'v')
      open_reservation(c, a, request.reservation, 'ENRICHMENT', 1, request.permit_ms)
      local _, head = load_profile(c, workspace_of(e), p)
      redis.call('HSET', c:profile(workspace_of(e), head), 'viewing', a .. '|' .. request.reservation)
      redis.call('HSET', c:account(a), 'in_flight', table.concat({ e, p, request.reservation }, '|'))
      redis.call('HINCRBY', c:account(a), 'tick_views', 1)
      return view_of(c, e, p, s, account, request)
    end
  end
  return { again = true }
end)
